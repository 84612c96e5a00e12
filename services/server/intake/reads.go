package intake

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// reads keeps the read deadline of one connection. A drain ends a wait for a
// message that has not begun; one under way (busy) is ended only if its sender's
// token was removed.
type reads struct {
	conn net.Conn

	mu       sync.Mutex
	due      time.Time // the deadline of the next read
	set      time.Time // the one that the connection has
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
	r.busy, r.due = busy, deadline
	if err := r.cut(); err != nil {
		return err
	}
	return r.arm()
}

// await is until, but leaves it to Read to set the deadline. Most records of a
// small message are buffered above this connection already, and Read is not called.
func (r *reads) await(deadline time.Time, busy bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy, r.due = busy, deadline
	return r.cut()
}

// arm gives the connection its deadline.
func (r *reads) arm() error {
	if r.set.Equal(r.due) {
		return nil
	}
	r.set = r.due
	return r.conn.SetReadDeadline(r.due)
}

// Read reads with the deadline that await named.
func (r *reads) Read(p []byte) (int, error) {
	r.mu.Lock()
	var err error
	if r.cut() == nil { // else the deadline is over
		err = r.arm()
	}
	r.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return r.conn.Read(p)
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

// drain ends a wait for a message that has not begun.
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
		r.set = time.Unix(1, 0)
		_ = r.conn.SetReadDeadline(r.set)
	}
}

// cut returns why nothing is read any more, or nil.
func (r *reads) cut() error {
	switch {
	case r.revoked:
		return errTokenRemoved
	case r.draining && !r.busy:
		return errShuttingDown
	}
	return nil
}
