package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"sealpost/services/server/logbook"
)

// MaxQueued is how many bytes of complete messages may wait in memory for the
// committer; beyond it push blocks. One sender may have half of it, so that
// messages of one sender that are set aside do not block the others.
const (
	MaxQueued   = 8 << 20
	MaxOfSender = MaxQueued / 2
	perMessage  = 1 << 10 // for its draft, its layout and who waits for it; its body says the rest
)

// queue holds complete messages for the committer, in the order in which they
// came, and counts those that the committer has set aside.
type queue struct {
	came chan struct{} // holds one token when something waits

	mu      sync.Mutex
	waiting []*Message
	held    int64 // bytes, of waiting and of what is set aside
	of      BySender[int64]
	closed  bool
	room    chan struct{} // closed when there is room again; nil while nobody waits for it
}

func newQueue() *queue { return &queue{came: make(chan struct{}, 1), of: make(BySender[int64])} }

// push waits for room and hands m over. The error is a
// logbook.ErrUnavailable: m is still the caller's.
func (q *queue) push(ctx context.Context, m *Message) error {
	for {
		room, err := q.tryPush(m)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", logbook.ErrUnavailable, context.Cause(ctx))
		}
	}
}

// tryPush queues m, or returns a channel that is closed when there may be room.
func (q *queue) tryPush(m *Message) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, logbook.ErrClosed
	}
	if q.held > MaxQueued || q.of[m.Draft.Sender] > MaxOfSender {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	q.count(m, weight(m))
	if q.waiting = append(q.waiting, m); len(q.waiting) == 1 {
		q.signal()
	}
	return nil, nil
}

func (q *queue) signal() {
	select {
	case q.came <- struct{}{}:
	default:
	}
}

// take returns at most n of those that wait, and does not block.
func (q *queue) take(n int) []*Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = max(0, min(n, len(q.waiting)))
	taken := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // with what it still refers to
	} else {
		q.signal()
	}
	q.uncount(taken)
	return taken
}

// setAside counts a message that was taken and has to wait on.
func (q *queue) setAside(m *Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(m, weight(m))
}

// putFirst puts a message that was set aside in front of all others.
func (q *queue) putFirst(m *Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Insert(q.waiting, 0, m)
	q.signal()
}

// takeUp ends what setAside began.
func (q *queue) takeUp(aside []*Message) {
	if len(aside) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.uncount(aside)
}

// uncount is called with mu held.
func (q *queue) uncount(gone []*Message) {
	for _, m := range gone {
		q.count(m, -weight(m))
	}
	q.wake()
}

// count is called with mu held.
func (q *queue) count(m *Message, bytes int64) {
	q.held += bytes
	q.of.Add(m.Draft.Sender, bytes)
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// wake has those who wait for room try again. It is called with mu held.
func (q *queue) wake() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// weight is how many bytes count for a message.
func weight(m *Message) int64 { return m.Body.Weight() + perMessage }

// Queued is what waits to be committed.
type Queued struct {
	Messages int   // complete, and not taken by the committer yet
	Bytes    int64 // that count for them, and for those set aside
	Full     bool  // those who bring more have to wait
}

func (q *queue) waits() Queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Queued{len(q.waiting), q.held, q.room != nil}
}
