package intake_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local"
)

// held is a real logbook that flushes no message before it is let go, so that
// a test can have commits under way for as long as it likes.
type held struct {
	logbook.Logbook
	staged  chan struct{} // one value for each message staged
	handed  chan struct{} // one value for each message handed over to be committed
	release chan struct{}
	once    sync.Once
}

func startHeld(t *testing.T, limits intake.Limits) (*server, *held) {
	t.Helper()
	h := &held{staged: make(chan struct{}, 1000), handed: make(chan struct{}, 1000), release: make(chan struct{})}
	s := start(t, options{limits: limits, book: h.open})
	t.Cleanup(h.letGo) // before the server is stopped
	return s, h
}

func (h *held) open(cfg local.Config) (_ logbook.Logbook, err error) {
	cfg.Seams.Fault = h.operation
	h.Logbook, err = local.Open(cfg)
	return h, err
}

func (h *held) operation(s disk.Step) error {
	message := strings.HasPrefix(s.Name, "staging/m-")
	if s.Op == disk.OpSync && message || s.Op == disk.OpSyncFS {
		<-h.release
	}
	return nil
}

// Stage tells of a message that is on its way in.
func (h *held) Stage(ctx context.Context, d logbook.Draft) (logbook.Staged, error) {
	s, err := h.Logbook.Stage(ctx, d)
	h.staged <- struct{}{}
	return &heldMessage{s, h}, err
}

type heldMessage struct {
	logbook.Staged
	h *held
}

// Commit tells of a message that came whole and is the committer's now.
func (m *heldMessage) Commit(ctx context.Context, then func(logbook.Facts, error)) {
	m.Staged.Commit(ctx, then)
	m.h.handed <- struct{}{}
}

func (h *held) letGo() { h.once.Do(func() { close(h.release) }) }

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
