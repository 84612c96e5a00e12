package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

const (
	checkpointPath    = logsDir + "/" + logfile.CheckpointName
	checkpointNewPath = stagingDir + "/checkpoint" + newSuffix
	maxCheckpoint     = 64 << 10
)

// Notary signs checkpoints, and opens those that this server signed.
type Notary interface {
	// Signers returns another number whenever others than before may sign.
	Signers() uint64
	SignCheckpoint(c receipt.Checkpoint) ([]byte, error)
	OpenCheckpoint(text []byte) (receipt.Checkpoint, error)
}

// sealed is the newest signed checkpoint.
type sealed struct {
	receipt.Checkpoint
	text    []byte
	signers uint64
}

// seal signs the tree as it is: everything in it is durable.
func (l *Logbook) seal() error {
	size := l.tree.size()
	root, err := l.tree.root(size)
	if err != nil {
		return err
	}
	s, err := l.sign(receipt.Checkpoint{Origin: receipt.Origin(l.cfg.ID), Size: size, Root: root})
	if err != nil {
		return err
	}
	l.sealed.Store(s)
	return nil
}

func (l *Logbook) sign(c receipt.Checkpoint) (*sealed, error) {
	signers := l.cfg.Notary.Signers() // before: a change in between is noticed later
	text, err := l.cfg.Notary.SignCheckpoint(c)
	if err != nil {
		return nil, err
	}
	return &sealed{c, text, signers}, nil
}

// newest returns the newest checkpoint, signed again if others sign now: a
// client may know them alone.
func (l *Logbook) newest() (*sealed, error) {
	s := l.sealed.Load()
	if s.signers == l.cfg.Notary.Signers() {
		return s, nil
	}
	again, err := l.sign(s.Checkpoint)
	if err != nil {
		return nil, err
	}
	l.sealed.CompareAndSwap(s, again) // not over that of a group which came meanwhile
	return again, nil
}

// Checkpoint returns the newest signed checkpoint.
func (l *Logbook) Checkpoint() []byte {
	s, err := l.newest()
	if err != nil {
		s = l.sealed.Load()
	}
	return s.text
}

// Receipt returns the signed receipt of a message that is kept.
func (l *Logbook) Receipt(_ context.Context, f logbook.Facts) ([]byte, error) {
	s, err := l.newest()
	if err != nil {
		return nil, fmt.Errorf("%w: signature: %w", logbook.ErrUnavailable, err)
	}
	proof, err := l.tree.prove(s.Size, f.Entry.Seq)
	if err != nil {
		return nil, fmt.Errorf("%w: proof: %w", logbook.ErrUnavailable, err)
	}
	return receipt.New(f.Entry.Seq, f.Line, proof, s.text)
}

// publish puts the newest checkpoint beside the manifest, unless it is there.
// It is whole or not at all, and may lag: nothing waits for it.
func (l *Logbook) publish() error {
	s, err := l.newest()
	if err != nil || s == l.published {
		return err
	}
	err = l.vol.replaceWith(checkpointNewPath, checkpointPath, 0o644, s.text)
	if err == nil {
		l.published = s
	}
	return err
}

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
func (v *volume) readCheckpoint() ([]byte, error) {
	n, exists, err := size(v.path(checkpointPath))
	if err != nil || !exists {
		return nil, err
	}
	if n < 0 || n > maxCheckpoint {
		return nil, &CorruptError{logfile.CheckpointName, "not a file of a size that can be"}
	}
	text, err := os.ReadFile(v.path(checkpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, err
}

// checkSeals compares the tree with the checkpoint beside the manifest and with
// the one that the state volume knows, and makes the tree anew once if it
// disagrees: its file may be at fault.
func (l *Logbook) checkSeals(ofVolume []byte) error {
	for _, c := range []struct {
		where string
		text  []byte
	}{{"the checkpoint of the log volume", ofVolume}, {"the checkpoint of the state volume", l.cfg.Known}} {
		if len(c.text) == 0 {
			continue
		}
		err := l.checkSeal(c.where, c.text)
		var fork *ForkError
		if errors.As(err, &fork) && fork.Have >= fork.Size {
			err = l.recheckSeal(c.where, c.text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Logbook) checkSeal(where string, text []byte) error {
	c, err := l.cfg.Notary.OpenCheckpoint(text)
	if err != nil {
		return &MisfitError{fmt.Sprintf("%s: %v", where, err)}
	}
	if c.Origin != receipt.Origin(l.cfg.ID) {
		return &MisfitError{fmt.Sprintf("%s is of %s, not of %s", where, c.Origin, receipt.Origin(l.cfg.ID))}
	}
	if have := l.tree.size(); have < c.Size {
		return &ForkError{Where: where, Size: c.Size, Have: have}
	}
	root, err := l.tree.root(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return &ForkError{Where: where, Size: c.Size, Have: l.tree.size()}
	}
	return nil
}

// recheckSeal asks the manifest itself. If that agrees with the checkpoint, the
// tree's file is at fault and made anew; else the file tells the line.
func (l *Logbook) recheckSeal(where string, text []byte) error {
	c, err := l.cfg.Notary.OpenCheckpoint(text)
	if err != nil {
		return err
	}
	root, err := rootOf(l.manifest, c.Size)
	if err != nil {
		return err
	}
	if root == c.Root {
		return l.tree.fill(l.manifest, l.manifest.count())
	}
	part, known, err := l.firstForeignLine()
	if err != nil {
		return err
	}
	return &ForkError{Where: where, Size: c.Size, Have: l.tree.size(), Part: part, Known: known && part < c.Size}
}

// firstForeignLine compares the manifest with the leaf hashes in the tree's file.
func (l *Logbook) firstForeignLine() (seq uint64, found bool, err error) {
	_, err = l.manifest.scan(position{}, allFlushed, func(p place, _ logfile.Entry, line []byte) error {
		if found {
			return nil
		}
		h, err := l.tree.hash(tlog.StoredHashIndex(0, int64(p.seq)))
		want := tlog.RecordHash(line)
		if err == nil && !bytes.Equal(h[:], want[:]) {
			seq, found = p.seq, true
		}
		return err
	})
	return seq, found, err
}
