package intake

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// reads keeps the read deadline of one connection, and lets a drain cut short a
// wait for what has not begun. What is under way, busy, is cut short only where
// the sender lost its token.
type reads struct {
	conn net.Conn

	mu       sync.Mutex
	busy     bool
	draining bool
	revoked  bool
}

// until sets the deadline of the next read. A connection that drains begins
// nothing new: errShuttingDown. One whose token was removed reads no more:
// errTokenRemoved.
func (r *reads) until(deadline time.Time, busy bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = busy
	if err := r.cut(); err != nil {
		return err
	}
	return r.conn.SetReadDeadline(deadline)
}

// timedOut turns the error of a read that ran into its deadline into the reason
// for it: removal or drain, or else why. Other errors stay as they are.
func (r *reads) timedOut(err, why error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.cut(); err != nil {
		return err
	}
	return why
}

// drain ends a wait for what has not begun.
func (r *reads) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	r.wake()
}

// revoke ends every wait.
func (r *reads) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked = true
	r.wake()
}

func (r *reads) wake() {
	if r.cut() != nil {
		_ = r.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// cut is why nothing is read any more, nil while something is.
func (r *reads) cut() error {
	switch {
	case r.revoked:
		return errTokenRemoved
	case r.draining && !r.busy:
		return errShuttingDown
	}
	return nil
}
