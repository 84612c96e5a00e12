package local

import (
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
	f := l.fit()
	for _, s := range f.seals(ofVolume) {
		err := f.checkSeal(s, l.tree)
		var fork *ForkError
		if errors.As(err, &fork) && fork.Have >= fork.Size {
			err = l.recheckSeal(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recheckSeal asks the manifest itself. If that agrees with the checkpoint, the
// tree's file is at fault and made anew; else the file tells the line.
func (l *Logbook) recheckSeal(s seal) error {
	c, err := l.cfg.Notary.OpenCheckpoint(s.text)
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
	fork := &ForkError{Where: s.where, Size: c.Size, Have: l.tree.size()}
	return fork.find(l.vol, func(visit visitor) error {
		_, err := l.manifest.scan(position{}, allFlushed, visit)
		return err
	})
}

// find looks for the first line that is not the one whose hash is in the tree's
// file, and returns the error with it.
func (e *ForkError) find(vol *volume, scan func(visitor) error) error {
	tree, err := os.Open(vol.path(treePath))
	if err != nil {
		return e
	}
	defer func() { _ = tree.Close() }()
	err = scan(func(p place, _ logfile.Entry, line []byte) error {
		if !e.Known && p.seq < e.Size && differs(tree, p.seq, line) {
			e.Part, e.Known = p.seq, true
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e
}

// differs reports whether the tree's file has the hash of another line. A power
// cut leaves zeros where a hash was not flushed.
func differs(tree *os.File, seq uint64, line []byte) bool {
	var was, none tlog.Hash
	_, err := tree.ReadAt(was[:], tlog.StoredHashIndex(0, int64(seq))*tlog.HashSize)
	return err == nil && was != none && was != tlog.RecordHash(line)
}
