package local

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

// readCheckpoint returns the checkpoint that lies beside the manifest.
func readCheckpoint(v *disk.Volume) ([]byte, error) {
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

// checkCheckpoints compares the tree with the checkpoint beside the manifest and with
// the one that the state volume knows, and makes the tree anew once if it
// disagrees: its file may be at fault.
func (r *recovery) checkCheckpoints(ofVolume []byte) error {
	f := r.fit()
	for _, s := range f.checkpoints(ofVolume) {
		err := f.checkCheckpoint(s, r.Tree)
		var fork *ForkError
		if errors.As(err, &fork) && fork.Have >= fork.Size {
			err = r.recheckCheckpoint(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recheckCheckpoint asks the manifest itself. If that agrees with the checkpoint, the
// tree's file is at fault and made anew; else the file tells the line.
func (r *recovery) recheckCheckpoint(s storedCheckpoint) error {
	c, err := r.cfg.Notary.OpenCheckpoint(s.text)
	if err != nil {
		return err
	}
	root, err := merkle.RootOf(r.Manifest, c.Size)
	if err != nil {
		return err
	}
	if root == c.Root {
		return r.Tree.Fill(r.Manifest, r.Manifest.Count())
	}
	fork := &ForkError{Where: s.where, Size: c.Size, Have: r.Tree.Size()}
	return fork.find(r.Volume, func(visit manifest.Visitor) error {
		_, err := r.Manifest.Scan(manifest.Position{}, manifest.AllFlushed, visit)
		return err
	})
}

// find looks for the first line that is not the one whose hash is in the tree's
// file, and returns the error with it.
func (e *ForkError) find(vol *disk.Volume, scan func(manifest.Visitor) error) error {
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
