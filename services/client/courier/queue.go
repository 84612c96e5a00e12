package courier

import (
	"context"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxQueued bounds what waits for the write before it, in bytes: the next
	// part of a large body, or a hundred small messages.
	maxQueued = 128 << 10
	// stallTimeout bounds one write where no Timeout is set.
	stallTimeout = time.Minute
)

// queue is what goes out on one connection. One goroutine writes it: what comes
// while that is at it goes out with its next write, so that small messages
// share TLS records and system calls, and no caller is stuck in a write to a
// peer that takes nothing.
type queue struct {
	conn  net.Conn
	limit time.Duration // of one write

	turn *semaphore.Weighted // to add: a message's records stay together
	wake chan struct{}       // there is something to write
	room chan struct{}       // there has come to be room

	mu      sync.Mutex
	pending []byte
	moves   []move // what has moved once pending is written
	closed  bool   // nothing is written any more, and nobody waits
}

// move says how much of a message's body is on its way.
type move struct {
	p     *progress
	bytes uint64
}

func newQueue(conn net.Conn, limit time.Duration) *queue {
	return &queue{
		conn: conn, limit: limit,
		turn: semaphore.NewWeighted(1), wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// take waits for the turn to add, and for room for n bytes. The error is the
// cause of the end of ctx.
func (q *queue) take(ctx context.Context, n int) error {
	if q.turn.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	err := q.wait(ctx, n)
	if err != nil {
		q.give()
	}
	return err
}

func (q *queue) give() { q.turn.Release(1) }

// wait is take for the one who has the turn.
func (q *queue) wait(ctx context.Context, n int) error {
	for !q.fits(n) {
		select {
		case <-q.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// fits reports whether there is room for n bytes; for what is over the bound by
// itself, when nothing else waits. What is added after the end is dropped.
func (q *queue) fits(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed || len(q.pending) == 0 || len(q.pending)+n <= maxQueued
}

// add copies records that there is room for.
func (q *queue) add(m move, records ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range records {
		q.pending = append(q.pending, r...)
	}
	q.added(m)
}

// swap is add for a large buffer: where nothing else waits it is not copied, but
// taken, and another comes back for it. What comes back is empty.
func (q *queue) swap(m move, records []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		q.pending, records = records, q.pending
	} else {
		q.pending = append(q.pending, records...)
	}
	q.added(m)
	return records[:0]
}

// added is called with mu held.
func (q *queue) added(m move) {
	q.moves = append(q.moves, m)
	if !q.closed {
		signal(q.wake)
	}
}

func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it is there already
	}
}

// close ends run, and all waiting for room.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.wake)
	signal(q.room)
}

// run writes until close, and returns why a write failed. moved is called after
// each; it must not keep what it gets.
func (q *queue) run(moved func([]move)) error {
	var out []byte
	var moves []move
	for range q.wake {
		// Who is about to add something does so first: an answered batch makes
		// room for another, and each of its senders has been woken by now.
		runtime.Gosched()
		out, moves = q.next(out, moves)
		if len(out) == 0 {
			continue // the write before took more than there was when it was woken
		}
		if err := q.write(out); err != nil {
			return err
		}
		moved(moves)
	}
	return nil
}

// next returns what is pending and leaves the buffers of the write before.
func (q *queue) next(spare []byte, moves []move) ([]byte, []move) {
	clear(moves) // a message is not kept for the sake of its progress
	q.mu.Lock()
	defer q.mu.Unlock()
	spare, q.pending = q.pending, spare[:0]
	moves, q.moves = q.moves, moves[:0]
	signal(q.room)
	return spare, moves
}

func (q *queue) write(p []byte) error {
	if err := q.conn.SetWriteDeadline(time.Now().Add(q.limit)); err != nil {
		return err
	}
	if _, err := q.conn.Write(p); err != nil {
		return err
	}
	// What TLS writes by itself is not held to a deadline that is long over.
	return q.conn.SetWriteDeadline(time.Time{})
}
