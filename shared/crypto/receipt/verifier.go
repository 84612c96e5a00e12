package receipt

import (
	"bytes"
	"sync"

	"golang.org/x/sync/singleflight"

	"sealpost/shared/crypto/identity"
)

// remembered bounds what a Verifier remembers. Receipts of neighbouring commits
// come mixed where connections share a Verifier, and of no more than a few.
const remembered = 8

// Verifier opens receipts as [Open] does, and remembers the last few checkpoints
// whose signatures held: the receipts of one commit share one, and a signature
// costs many times what a proof does. It is safe for concurrent use.
type Verifier struct {
	check func(signed []byte) (Checkpoint, error) // a signature, with the pins

	// Callers that bring the same text at the same time share one check of it,
	// and its result, whichever that is.
	checks singleflight.Group // by the whole text

	mu   sync.Mutex
	held [remembered]held // a ring
	next int              // the oldest of it
}

// held is a checkpoint whose signature held.
type held struct {
	signed     []byte // its text, at most MaxSize; nil before the first
	checkpoint Checkpoint
}

// NewVerifier returns a Verifier that takes the signatures of pins.
func NewVerifier(pins identity.Pins) *Verifier {
	return &Verifier{check: func(signed []byte) (Checkpoint, error) { return OpenCheckpoint(signed, pins) }}
}

// Open is [Open] with the Verifier's pins.
func (v *Verifier) Open(data []byte) (Opened, error) { return openWith(data, v.openCheckpoint) }

func (v *Verifier) openCheckpoint(signed []byte) (Checkpoint, error) {
	if checkpoint, known := v.recall(signed); known {
		return checkpoint, nil
	}
	// Not under the lock: receipts of other checkpoints need not wait for this
	// signature.
	checkpoint, err, _ := v.checks.Do(string(signed), func() (any, error) {
		if checkpoint, known := v.recall(signed); known { // since the look above
			return checkpoint, nil
		}
		checkpoint, err := v.check(signed)
		if err != nil {
			return Checkpoint{}, err
		}
		v.remember(signed, checkpoint)
		return checkpoint, nil
	})
	return checkpoint.(Checkpoint), err
}

func (v *Verifier) recall(signed []byte) (Checkpoint, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.held {
		if h := &v.held[i]; h.signed != nil && bytes.Equal(h.signed, signed) {
			return h.checkpoint, true
		}
	}
	return Checkpoint{}, false
}

func (v *Verifier) remember(signed []byte, checkpoint Checkpoint) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[v.next] = held{bytes.Clone(signed), checkpoint}
	v.next = (v.next + 1) % remembered
}
