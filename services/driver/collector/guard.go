package collector

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// maxReply bounds what the server may send on the control connection between
// two things that we send: the longest replies in use are a FEAT list and the
// certificates of a handshake. It holds below TLS, so that neither a line
// without end nor a list without end gets far.
const maxReply = 64 << 10

// maxLast is how much is kept of what came below TLS, to look at where TLS fails:
// it reads a record of 16 KiB ahead at most.
const maxLast = 32 << 10

// guard makes the connections of one session. The library's own timeout covers
// the TCP connect alone, so every read and write here gets a deadline: the
// usual one, or the end of the step under way if that comes first (a server
// that sends a byte now and then would otherwise never time out).
type guard struct {
	ctx     context.Context
	tls     *tls.Config // for data connections; nil: plain
	timeout time.Duration
	stepEnd time.Time

	mu      sync.Mutex
	control *controlConn
	data    net.Conn
	closed  bool
}

// begin starts a step that must be over after d.
func (g *guard) begin(d time.Duration) { g.stepEnd = time.Now().Add(d) }

func (g *guard) deadline() time.Time {
	usual := time.Now().Add(g.timeout)
	if g.stepEnd.Before(usual) {
		return g.stepEnd
	}
	return usual
}

// dial is the library's dial function: the first call is for the control
// connection, which the library itself wraps in TLS; later ones are for data
// connections, which it then leaves bare.
func (g *guard) dial(network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Deadline: g.deadline(), KeepAlive: -1} // each step has its own end
	raw, err := dialer.DialContext(g.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	if g.control == nil {
		g.control = &controlConn{Conn: raw, guard: g, left: maxReply}
		return g.control, nil
	}
	g.data = raw
	data := &dataConn{Conn: raw, guard: g}
	if g.tls == nil {
		return data, nil
	}
	return tls.Client(data, g.tls), nil
}

// closeAll cuts the connections; whatever waits on them fails at once.
func (g *guard) closeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	// Already cut or not, they are of no use any more.
	if g.control != nil {
		_ = g.control.Close()
	}
	if g.data != nil {
		_ = g.data.Close()
	}
}

// controlConn is a control connection with deadlines and bounded replies.
type controlConn struct {
	net.Conn
	guard *guard
	left  int    // bytes that may still come before we send something
	last  []byte // the newest of those that came, at most maxLast
}

func (c *controlConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrReply
	}
	if err := c.SetReadDeadline(c.guard.deadline()); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	c.last = append(c.last, p[:n]...)
	c.last = c.last[max(0, len(c.last)-maxLast):]
	return n, err
}

func (c *controlConn) Write(p []byte) (int, error) {
	c.left = maxReply
	if err := c.SetWriteDeadline(c.guard.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// dataConn is a data connection with deadlines.
type dataConn struct {
	net.Conn
	guard *guard
}

func (c *dataConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.guard.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *dataConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.guard.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
