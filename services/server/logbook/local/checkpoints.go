package local

import (
	"context"
	"errors"

	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/local/fit"
)

// checkCheckpoints compares the tree with the checkpoint beside the manifest and with
// the one that the state volume knows, and makes the tree anew once if it
// disagrees: its file may be at fault.
func (r *recovery) checkCheckpoints(ofVolume []byte) error {
	known := r.cfg.known()
	for _, s := range known.Checkpoints(ofVolume) {
		err := known.CheckCheckpoint(s, r.Tree)
		var fork *fit.ForkError
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
func (r *recovery) recheckCheckpoint(s fit.Stored) error {
	c, err := r.cfg.Notary.OpenCheckpoint(s.Text)
	if err != nil {
		return err
	}
	root, err := merkle.RootOf(context.Background(), r.Manifest, c.Size)
	if err != nil {
		return err
	}
	if root == c.Root {
		return r.Tree.Fill(r.Manifest, r.Manifest.Count())
	}
	fork := &fit.ForkError{Where: s.Where, Size: c.Size, Have: r.Tree.Size()}
	return fork.Find(r.Volume, func(visit manifest.Visitor) error {
		_, err := r.Manifest.Scan(manifest.Position{}, manifest.AllFlushed, visit)
		return err
	})
}
