package intake

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// reads keeps the read deadline of one connection, and lets a drain cut short a
// wait for what has not begun. What is under way, busy, is never cut short.
type reads struct {
	conn net.Conn

	mu       sync.Mutex
	busy     bool
	draining bool
}

// until sets the deadline of the next read. A connection that drains begins
// nothing new: errShuttingDown.
func (r *reads) until(deadline time.Time, busy bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = busy
	if r.cut() {
		return errShuttingDown
	}
	return r.conn.SetReadDeadline(deadline)
}

// timedOut turns the error of a read that ran into its deadline into the reason
// for it: the drain, or else why. Other errors stay as they are.
func (r *reads) timedOut(err, why error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut() {
		return errShuttingDown
	}
	return why
}

// drain ends a wait for what has not begun.
func (r *reads) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	if r.cut() {
		_ = r.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (r *reads) cut() bool { return r.draining && !r.busy }
