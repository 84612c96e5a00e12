package local

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
)

// rotating signs with those identities that are in use.
type rotating struct {
	inUse atomic.Pointer[[]*identity.Identity]
	known identity.Pins
	count atomic.Uint64
}

func (r *rotating) use(ids ...*identity.Identity) {
	r.inUse.Store(&ids)
	for _, id := range ids {
		r.known = append(r.known, identity.Pin{Key: id.Public()})
	}
	r.count.Add(1)
}

func (r *rotating) Signers() uint64 { return r.count.Load() }

func (r *rotating) SignCheckpoint(c receipt.Checkpoint) ([]byte, error) {
	return receipt.SignCheckpoint(c, *r.inUse.Load()...)
}

func (r *rotating) SignRetired(n receipt.Retired) ([]byte, error) {
	return receipt.SignRetired(n, *r.inUse.Load()...)
}

func (r *rotating) OpenRetired(text []byte) (receipt.Retired, error) {
	return receipt.OpenRetired(text, r.known)
}

func (r *rotating) OpenCheckpoint(text []byte) (receipt.Checkpoint, error) {
	return receipt.OpenCheckpoint(text, r.known)
}

// Whoever signs now has signed every receipt and checkpoint that is given out
// from now on, also those of messages and trees of before.
func TestSignersChange(t *testing.T) {
	first, second := logbooktest.NewNotary().Identity, logbooktest.NewNotary().Identity
	notary := &rotating{}
	notary.use(first)
	cfg := testConfig(t.TempDir())
	cfg.Notary, cfg.RetryEvery = notary, time.Millisecond
	book := open(t, cfg)
	facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	before, err := book.Receipt(t.Context(), facts)
	check(t, err)

	notary.use(second)
	onlySecond := identity.Pins{{Key: second.Public()}}
	text, err := book.Receipt(t.Context(), facts)
	check(t, err)
	if opened, err := receipt.Open(text, onlySecond); err != nil || string(opened.Line) != string(facts.Line) {
		t.Fatalf("a message of before: %v", err)
	}
	if c, err := receipt.OpenCheckpoint(book.Checkpoint(), onlySecond); err != nil || c.Size != 1 {
		t.Fatalf("the checkpoint: %+v, %v", c, err)
	}
	if _, err := receipt.Open(before, identity.Pins{{Key: first.Public()}}); err != nil {
		t.Fatalf("the receipt of before: %v", err)
	}
	// Nobody asks for anything, and the checkpoint beside the manifest follows all
	// the same.
	third := logbooktest.NewNotary().Identity
	notary.use(third)
	onlyThird := identity.Pins{{Key: third.Public()}}
	eventually(t, "the checkpoint beside the manifest", func() bool {
		text, err := os.ReadFile(filepath.Join(cfg.Dir, engine.CheckpointPath))
		if err == nil {
			_, err = receipt.OpenCheckpoint(text, onlyThird)
		}
		return err == nil
	})
}

// eventually polls; only a failing test ever waits for long.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
