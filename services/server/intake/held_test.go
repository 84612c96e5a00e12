package intake_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local"
)

// held is a real logbook that flushes no message before it is let go, so that
// a test can have commits under way for as long as it likes.
type held struct {
	staged  chan struct{} // one value for each message staged
	release chan struct{}
	once    sync.Once
}

func startHeld(t *testing.T, limits intake.Limits) (*server, *held) {
	t.Helper()
	h := &held{staged: make(chan struct{}, 1000), release: make(chan struct{})}
	s := start(t, options{limits: limits, volume: local.Config{Fault: h.operation, Now: h.now}})
	t.Cleanup(h.letGo) // before the server is stopped
	return s, h
}

func (h *held) operation(s local.Step) error {
	message := strings.HasPrefix(s.Name, "staging/m-")
	if s.Op == local.OpSync && message || s.Op == local.OpSyncFS {
		<-h.release
	}
	return nil
}

// now is the logbook's clock, which it looks at for each message.
func (h *held) now() time.Time {
	h.staged <- struct{}{}
	return time.Now()
}

func (h *held) letGo() { h.once.Do(func() { close(h.release) }) }

// wait waits until n messages more have been staged.
func (h *held) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		receive(t, h.staged, "a message to be staged")
	}
}
