package engine

import (
	"fmt"
	"sync/atomic"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// CheckpointPath is where the newest checkpoint lies on the volume.
const CheckpointPath = disk.LogsDir + "/" + logfile.CheckpointName

const checkpointNewPath = disk.StagingDir + "/checkpoint" + disk.NewSuffix

// Notary signs checkpoints, and opens those that this server signed.
type Notary interface {
	// Signers returns another number whenever others than before may sign.
	Signers() uint64
	SignCheckpoint(c receipt.Checkpoint) ([]byte, error)
	OpenCheckpoint(text []byte) (receipt.Checkpoint, error)
	// SignRetired and OpenRetired do the same with notes of retired messages.
	SignRetired(r receipt.Retired) ([]byte, error)
	OpenRetired(text []byte) (receipt.Retired, error)
}

// signer signs the tree and makes receipts. The committer signs; all others may
// ask it for what is signed.
type signer struct {
	notary Notary
	origin string
	tree   *merkle.Tree
	last   atomic.Pointer[signed]
}

// signed is a signed checkpoint.
type signed struct {
	receipt.Checkpoint
	text    []byte
	signers uint64
}

// signTree signs the tree as it is: everything in it is durable.
func (s *signer) signTree() error {
	size := s.tree.Size()
	root, err := s.tree.Root(size)
	if err != nil {
		return err
	}
	fresh, err := s.sign(receipt.Checkpoint{Origin: s.origin, Size: size, Root: root})
	if err != nil {
		return err
	}
	s.last.Store(fresh)
	return nil
}

func (s *signer) sign(c receipt.Checkpoint) (*signed, error) {
	signers := s.notary.Signers() // before: a change in between is noticed later
	text, err := s.notary.SignCheckpoint(c)
	if err != nil {
		return nil, err
	}
	return &signed{c, text, signers}, nil
}

// newest returns the newest checkpoint, signed again if others sign now: a
// client may know them alone.
func (s *signer) newest() (*signed, error) {
	last := s.last.Load()
	if last.signers == s.notary.Signers() {
		return last, nil
	}
	again, err := s.sign(last.Checkpoint)
	if err != nil {
		return nil, err
	}
	s.last.CompareAndSwap(last, again) // not over that of a group which came meanwhile
	return again, nil
}

// checkpoint returns the text of the newest checkpoint, by former signers where
// it cannot be signed again.
func (s *signer) checkpoint() []byte {
	newest, err := s.newest()
	if err != nil {
		newest = s.last.Load()
	}
	return newest.text
}

// receipt returns the signed receipt of a message that is kept.
func (s *signer) receipt(f logbook.Facts) ([]byte, error) {
	newest, err := s.newest()
	if err != nil {
		return nil, fmt.Errorf("%w: signature: %w", logbook.ErrUnavailable, err)
	}
	proof, err := s.tree.Prove(newest.Size, f.Entry.Seq)
	if err != nil {
		return nil, fmt.Errorf("%w: proof: %w", logbook.ErrUnavailable, err)
	}
	return receipt.New(f.Entry.Seq, f.Line, proof, newest.text)
}

// writeCheckpoint puts the newest checkpoint beside the manifest, unless it is there.
// It is whole or not at all, and may lag: nothing waits for it.
func (c *committer) writeCheckpoint() error {
	newest, err := c.signer.newest()
	if err != nil || newest == c.onVolume {
		return err
	}
	err = c.Volume.ReplaceWith(checkpointNewPath, CheckpointPath, 0o644, newest.text)
	if err == nil {
		c.onVolume = newest
	}
	return err
}
