package local

import (
	"context"
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
)

// maxQueued is how many bytes of complete messages wait in memory for the
// committer, before those who bring more have to wait themselves.
const maxQueued = 8 << 20

// queue holds complete messages for the committer, in the order in which they
// came.
type queue struct {
	came chan struct{} // holds one token when something waits

	mu      sync.Mutex
	waiting []*staged
	held    int64 // bytes
	closed  bool
	room    chan struct{} // closed when there is room again; nil while nobody waits for it
}

func newQueue() *queue { return &queue{came: make(chan struct{}, 1)} }

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
	if q.held > maxQueued {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	q.held += s.held()
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
	for _, s := range taken {
		q.held -= s.held()
	}
	q.wake()
	return taken
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
