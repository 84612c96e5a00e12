// Package sendqueue writes what goes out on one connection.
//
// Guaranteed: what is added goes out in order, and whole records of those who have the
// turn stay together; nobody waits longer than its context lasts.
//
// Not guaranteed: that it goes out. Whether it arrived is for the answers to say.
package sendqueue

import (
	"context"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// maxQueued bounds what waits for the write before it, in bytes: the next part of a
// large body, or a hundred small messages.
const maxQueued = 128 << 10

// Queue is what goes out on one connection, with notes of what that is. One goroutine
// writes it: what comes while that is at it goes out with its next write, so that small
// messages share TLS records and system calls, and no caller is stuck in a write to a
// peer that takes nothing.
type Queue[N any] struct {
	conn  net.Conn
	limit time.Duration // of one write

	turn *semaphore.Weighted // to add: a message's records stay together
	wake chan struct{}       // there is something to write
	room chan struct{}       // there has come to be room

	mu      sync.Mutex
	pending []byte
	notes   []N  // what pending is
	closed  bool // nothing is written any more, and nobody waits
}

// New returns the queue of a connection. limit bounds one write.
func New[N any](conn net.Conn, limit time.Duration) *Queue[N] {
	return &Queue[N]{
		conn: conn, limit: limit,
		turn: semaphore.NewWeighted(1), wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// Take waits for the turn to add, and for room for n bytes. The error is the
// cause of the end of ctx.
func (q *Queue[N]) Take(ctx context.Context, n int) error {
	if q.turn.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	err := q.Wait(ctx, n)
	if err != nil {
		q.Give()
	}
	return err
}

// Give gives the turn back.
func (q *Queue[N]) Give() { q.turn.Release(1) }

// Wait is Take for the one who has the turn.
func (q *Queue[N]) Wait(ctx context.Context, n int) error {
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
func (q *Queue[N]) fits(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed || len(q.pending) == 0 || len(q.pending)+n <= maxQueued
}

// Add copies records that there is room for.
func (q *Queue[N]) Add(note N, records ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range records {
		q.pending = append(q.pending, r...)
	}
	q.added(note)
}

// Swap is Add for a large buffer: where nothing else waits it is not copied, but
// taken, and another comes back for it. What comes back is empty.
func (q *Queue[N]) Swap(note N, records []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		q.pending, records = records, q.pending
	} else {
		q.pending = append(q.pending, records...)
	}
	q.added(note)
	return records[:0]
}

// added is called with mu held.
func (q *Queue[N]) added(note N) {
	q.notes = append(q.notes, note)
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

// Close ends Run, and all waiting for room.
func (q *Queue[N]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.wake)
	signal(q.room)
}

// Run writes what is added until Close, and returns why a write failed. wrote is called after
// each; it must not keep what it gets.
func (q *Queue[N]) Run(wrote func([]N)) error {
	var out []byte
	var notes []N
	for range q.wake {
		// Who is about to add something does so first: an answered batch makes
		// room for another, and each of its senders has been woken by now.
		runtime.Gosched()
		out, notes = q.next(out, notes)
		if len(out) == 0 {
			continue // the write before took more than there was when it was woken
		}
		if err := q.write(out); err != nil {
			return err
		}
		wrote(notes)
	}
	return nil
}

// next returns what is pending and leaves the buffers of the write before.
func (q *Queue[N]) next(spare []byte, notes []N) ([]byte, []N) {
	clear(notes) // what they point to is not kept for their sake
	q.mu.Lock()
	defer q.mu.Unlock()
	spare, q.pending = q.pending, spare[:0]
	notes, q.notes = q.notes, notes[:0]
	signal(q.room)
	return spare, notes
}

func (q *Queue[N]) write(p []byte) error {
	if err := q.conn.SetWriteDeadline(time.Now().Add(q.limit)); err != nil {
		return err
	}
	if _, err := q.conn.Write(p); err != nil {
		return err
	}
	// What TLS writes by itself is not held to a deadline that is long over.
	return q.conn.SetWriteDeadline(time.Time{})
}
