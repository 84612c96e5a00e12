package receipt

import (
	"bytes"
	"sync"

	"sealpost/shared/crypto/identity"
)

// Verifier opens receipts as [Open] does, and remembers the last checkpoint
// whose signature held: the receipts of one commit share one, and a signature
// costs many times what a proof does. It is safe for concurrent use.
type Verifier struct {
	pins identity.Pins

	mu         sync.Mutex
	signed     []byte // the text of checkpoint; nil before the first
	checkpoint Checkpoint
}

// NewVerifier returns a Verifier that takes the signatures of pins.
func NewVerifier(pins identity.Pins) *Verifier { return &Verifier{pins: pins} }

// Open is [Open] with the Verifier's pins.
func (v *Verifier) Open(data []byte) (Opened, error) { return open(data, v.openCheckpoint) }

func (v *Verifier) openCheckpoint(signed []byte) (Checkpoint, error) {
	if checkpoint, known := v.recall(signed); known {
		return checkpoint, nil
	}
	// Not under the lock: other receipts need not wait for this signature.
	checkpoint, err := OpenCheckpoint(signed, v.pins)
	if err != nil {
		return Checkpoint{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.signed, v.checkpoint = bytes.Clone(signed), checkpoint
	return checkpoint, nil
}

func (v *Verifier) recall(signed []byte) (Checkpoint, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.checkpoint, v.signed != nil && bytes.Equal(v.signed, signed)
}
