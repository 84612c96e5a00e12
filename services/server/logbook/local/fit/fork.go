package fit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/shared/logfile"
)

const maxCheckpoint = 64 << 10

// ForkError means that the manifest is not the one that a checkpoint was signed
// for: a line was altered or taken away.
type ForkError struct {
	Where string // which checkpoint
	Size  uint64 // of its tree
	Have  uint64 // manifest lines
	Part  uint64 // the first line that differs, where that can be told
	Known bool   // it can be
}

func (e *ForkError) Error() string {
	switch {
	case e.Have < e.Size:
		return fmt.Sprintf("%s was signed for %d messages, the manifest has %d", e.Where, e.Size, e.Have)
	case e.Known:
		return fmt.Sprintf("%s was signed for another manifest: they part at line %d", e.Where, e.Part)
	}
	return fmt.Sprintf("%s was signed for another manifest: they part before line %d", e.Where, e.Size)
}

// ReadCheckpoint returns the checkpoint that lies beside the manifest.
func ReadCheckpoint(v *disk.Volume) ([]byte, error) {
	n, exists, err := disk.Size(v.Path(engine.CheckpointPath))
	if err != nil || !exists {
		return nil, err
	}
	if n < 0 || n > maxCheckpoint {
		return nil, disk.Corrupt(logfile.CheckpointName, "not a file of a size that can be")
	}
	text, err := os.ReadFile(v.Path(engine.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, err
}

// Find looks for the first line that is not the one whose hash is in the tree's
// file, and returns the error with it.
func (e *ForkError) Find(vol *disk.Volume, scan func(manifest.Visitor) error) error {
	tree, err := os.Open(vol.Path(merkle.Path))
	if err != nil {
		return e
	}
	defer func() { _ = tree.Close() }()
	err = scan(func(p manifest.Place, _ logfile.Entry, line []byte) error {
		if !e.Known && p.Seq < e.Size && merkle.Differs(tree, p.Seq, line) {
			e.Part, e.Known = p.Seq, true
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e
}
