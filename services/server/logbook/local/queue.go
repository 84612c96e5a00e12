package local

import (
	"context"
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
)

// maxQueued is how many bytes of complete messages wait in memory for the
// committer, before those who bring more have to wait themselves. One sender
// has half of it, so that the others need not wait for what that one has set
// aside.
const (
	maxQueued   = 8 << 20
	maxOfSender = maxQueued / 2
	perMessage  = 1 << 10 // for its draft, its layout and who waits for it
)

// weight is how many bytes count for a message: those in memory; where they are
// in a file, as many as the largest in memory has, since the file is open.
func weight(s *staged) int64 {
	if s.file != nil {
		return smallFile + perMessage
	}
	return s.held() + perMessage
}

// queue holds complete messages for the committer, in the order in which they
// came, and counts those that the committer has set aside.
type queue struct {
	came chan struct{} // holds one token when something waits

	mu      sync.Mutex
	waiting []*staged
	held    int64 // bytes, of waiting and of what is set aside
	of      bySender[int64]
	closed  bool
	room    chan struct{} // closed when there is room again; nil while nobody waits for it
}

func newQueue() *queue { return &queue{came: make(chan struct{}, 1), of: make(bySender[int64])} }

// push waits for room and hands s over. The error is a
// logbook.ErrUnavailable: s is still the caller's.
func (q *queue) push(ctx context.Context, s *staged) error {
	for {
		room, err := q.tryPush(s)
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

// tryPush returns what to wait for where there is no room.
func (q *queue) tryPush(s *staged) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, logbook.ErrClosed
	}
	if q.held > maxQueued || q.of[s.draft.Sender] > maxOfSender {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	q.count(s, weight(s))
	if q.waiting = append(q.waiting, s); len(q.waiting) == 1 {
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

// take returns at most n of those that wait. It waits for nobody.
func (q *queue) take(n int) []*staged {
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
func (q *queue) setAside(s *staged) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(s, weight(s))
}

// takeUp ends what setAside began.
func (q *queue) takeUp(aside []*staged) {
	if len(aside) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.uncount(aside)
}

// uncount is called with mu held.
func (q *queue) uncount(gone []*staged) {
	for _, s := range gone {
		q.count(s, -weight(s))
	}
	q.wake()
}

// count is called with mu held.
func (q *queue) count(s *staged, bytes int64) {
	q.held += bytes
	q.of.add(s.draft.Sender, bytes)
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// wake is called with mu held, when those who wait for room are to look again.
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
