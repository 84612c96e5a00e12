package intake

import (
	"errors"
	"sync"
	"sync/atomic"
)

const (
	maxOwed         = 16384 // answers that are not written yet, of all connections
	maxOwedToSender = 4096  // of all connections of one sender
	// fairOwed is what each connection may have, whatever the others do: who
	// reads its answers has fewer, but for a moment.
	fairOwed = 16
)

var errNotTaken = errors.New("more answers wait for their peer than can be held")

// owed counts the answers that wait until their peers take them, in all and by
// sender, beyond those that each connection may have.
type owed struct {
	all atomic.Int64

	mu sync.Mutex
	of map[string]*account
}

// account is what one sender's connections are owed.
type account struct {
	owed        *owed
	sender      string
	answers     atomic.Int64
	connections int // under the mutex of owed
}

func newOwed() *owed { return &owed{of: make(map[string]*account)} }

// open returns the account for one more connection of a sender.
func (o *owed) open(sender string) *account {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.of[sender]
	if a == nil {
		a = &account{owed: o, sender: sender}
		o.of[sender] = a
	}
	a.connections++
	return a
}

// close ends what open began.
func (a *account) close() {
	a.owed.mu.Lock()
	defer a.owed.mu.Unlock()
	if a.connections--; a.connections == 0 {
		delete(a.owed.of, a.sender)
	}
}

// add counts n answers more, or fewer, and reports whether that is more than can
// be held for a connection that has own of them. No sender gets more than is left
// to all others.
func (a *account) add(n int, own int) (tooMany bool) {
	ofSender, all := a.answers.Add(int64(n)), a.owed.all.Add(int64(n))
	return own > fairOwed && (ofSender > maxOwedToSender || ofSender > maxOwed-all)
}
