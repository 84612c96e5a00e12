package intake_test

import (
	"context"
	"sync"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
)

// held is a real logbook that is given no message to commit before it is let go,
// so that a test can have commits under way for as long as it likes.
type held struct {
	logbook.Logbook
	staged chan struct{} // one value for each message staged
	handed chan struct{} // one value for each message handed over to be committed

	mu      sync.Mutex
	waiting []func() // commits, in the order in which they were handed over
	free    bool     // it was let go
}

func startHeld(t *testing.T, limits intake.Limits) (*server, *held) {
	t.Helper()
	h := &held{staged: make(chan struct{}, 1000), handed: make(chan struct{}, 1000)}
	s := start(t, options{limits: limits, book: h.open})
	t.Cleanup(h.letGo) // before the server is stopped
	return s, h
}

func (h *held) open(cfg local.Config) (_ logbook.Logbook, err error) {
	h.Logbook, err = local.Open(cfg)
	return h, err
}

// Stage tells of a message that is on its way in.
func (h *held) Stage(ctx context.Context, d logbook.Draft) (logbook.Staged, error) {
	s, err := h.Logbook.Stage(ctx, d)
	h.staged <- struct{}{}
	return &heldMessage{Staged: s, h: h}, err
}

type heldMessage struct {
	logbook.Staged
	h         *held
	committed bool
}

// Commit tells of a message that came whole and is the logbook's now.
func (m *heldMessage) Commit(ctx context.Context, then func(logbook.Facts, error)) {
	m.committed = true
	m.h.commit(func() { m.Staged.Commit(ctx, then) })
	m.h.handed <- struct{}{}
}

// Discard does nothing after Commit.
func (m *heldMessage) Discard() {
	if !m.committed {
		m.Staged.Discard()
	}
}

func (h *held) commit(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.free {
		do()
		return
	}
	h.waiting = append(h.waiting, do)
}

func (h *held) letGo() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free = true
	for _, do := range h.waiting {
		do()
	}
	h.waiting = nil
}

// waitStaged waits until one message more is on its way in.
func (h *held) waitStaged(t *testing.T) {
	t.Helper()
	receive(t, h.staged, "a message to be staged")
}

// wait waits until n messages more are being committed.
func (h *held) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		receive(t, h.handed, "a message to be handed over")
	}
}
