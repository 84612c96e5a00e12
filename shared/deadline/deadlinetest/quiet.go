package deadlinetest

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Quiet is a connection on which a quiet time can pass in no time: Pass makes the
// write deadline that was set last one that is over.
type Quiet struct {
	net.Conn

	mu  sync.Mutex
	set bool
}

// SetWriteDeadline sets the deadline.
func (q *Quiet) SetWriteDeadline(until time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.set = !until.IsZero()
	return q.Conn.SetWriteDeadline(until)
}

// SetDeadline sets both deadlines.
func (q *Quiet) SetDeadline(until time.Time) error {
	if err := q.SetReadDeadline(until); err != nil {
		return err
	}
	return q.SetWriteDeadline(until)
}

// Write writes, and fails where no write deadline is set: no write is without one.
func (q *Quiet) Write(p []byte) (int, error) {
	q.mu.Lock()
	set := q.set
	q.mu.Unlock()
	if !set {
		return 0, errors.New("a write without a deadline")
	}
	return q.Conn.Write(p)
}

// Pass lets the time pass that the last write deadline left.
func (q *Quiet) Pass() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.set {
		return nil
	}
	return q.Conn.SetWriteDeadline(time.Unix(1, 0))
}
