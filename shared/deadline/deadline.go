// Package deadline keeps the write deadlines of a connection below TLS.
//
// A peer of TLS 1.3 may ask for new keys at any time (RFC 8446, section 4.6.3),
// and crypto/tls answers from within Read. Where the deadline of the last write
// is still set and long over by then, that answer fails, and the connection with
// it, though nobody was slow. So a deadline here is for the writes it was set
// for, and every other write, whoever begins it, has one of its own. There is no
// write without a deadline: a peer that asks for keys and takes no answer is cut
// off as one that takes no other answer is.
package deadline

import (
	"net"
	"sync"
	"time"
)

// Conn is a connection whose writes end in time. Its methods may be called at
// once.
type Conn struct {
	net.Conn
	limit time.Duration

	mu    sync.Mutex
	until time.Time // zero: each write has limit
}

// New returns a Conn over raw whose writes take limit at most, each, where no
// deadline is set.
func New(raw net.Conn, limit time.Duration) *Conn { return &Conn{Conn: raw, limit: limit} }

// SetWriteDeadline sets the deadline of all writes until another is set. The zero
// time gives those that begin from now on the limit again; one that is under way
// keeps the deadline it has.
func (c *Conn) SetWriteDeadline(until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = until
	if until.IsZero() {
		return nil
	}
	return c.Conn.SetWriteDeadline(until)
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(until time.Time) error {
	if err := c.SetReadDeadline(until); err != nil {
		return err
	}
	return c.SetWriteDeadline(until)
}

// Write writes within the deadline that is set, or else within the limit.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *Conn) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.until
	if until.IsZero() {
		until = time.Now().Add(c.limit)
	}
	return c.Conn.SetWriteDeadline(until)
}
