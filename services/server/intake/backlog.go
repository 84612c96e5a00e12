package intake

import (
	"errors"
	"sync"
	"sync/atomic"
)

const (
	maxBacklog         = 16384 // answers that are not written yet, of all connections
	maxBacklogOfSender = 4096  // of all connections of one sender
	// fairBacklog is what each connection may have, whatever the others do: who
	// reads its answers has fewer, but for a moment.
	fairBacklog = 16
)

var errNotTaken = errors.New("more answers wait for their peer than can be held")

// backlog counts the answers that wait until their peers take them, in all and by
// sender, beyond those that each connection may have.
type backlog struct {
	all atomic.Int64

	mu sync.Mutex
	of map[string]*account
}

// account is the part of it that one sender's connections have.
type account struct {
	backlog     *backlog
	sender      string
	answers     atomic.Int64
	connections int // under the mutex of backlog
}

func newBacklog() *backlog { return &backlog{of: make(map[string]*account)} }

// open returns the account for one more connection of a sender.
func (b *backlog) open(sender string) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.of[sender]
	if a == nil {
		a = &account{backlog: b, sender: sender}
		b.of[sender] = a
	}
	a.connections++
	return a
}

// close ends what open began.
func (a *account) close() {
	a.backlog.mu.Lock()
	defer a.backlog.mu.Unlock()
	if a.connections--; a.connections == 0 {
		delete(a.backlog.of, a.sender)
	}
}

// add counts n answers more, or fewer, and reports whether that is more than can
// be held for a connection that has own of them. No sender gets more than is left
// to all others.
func (a *account) add(n int, own int) (tooMany bool) {
	ofSender, all := a.answers.Add(int64(n)), a.backlog.all.Add(int64(n))
	return own > fairBacklog && (ofSender > maxBacklogOfSender || ofSender > maxBacklog-all)
}
