package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyBuffer holds a header's bytes while they are read: a version 1 header, of
// at most 107, has to come in one piece. A longer version 2 header is read
// through it; it may have proxyproto.MaxV2HeaderSize, 4 KiB.
const proxyBuffer = 512

// ProxyError means that a connection from a proxy does not begin with a header of
// the PROXY protocol that can be used.
type ProxyError struct{ Err error }

func (e *ProxyError) Error() string { return fmt.Sprintf("the proxy sent no PROXY header: %v", e.Err) }

func (e *ProxyError) Unwrap() error { return e.Err }

var errSilentProxy = errors.New("nothing came in time")

// fromProxy reports whether an address is one of the proxies'.
func (s *Server) fromProxy(addr net.Addr) bool {
	if len(s.cfg.Proxies) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return false
	}
	ip := peer.Addr().Unmap().WithZone("")
	for _, p := range s.cfg.Proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// introduce reads the header that a proxy puts before a connection, and returns
// the connection as its client's. The header is demanded: without it everybody
// behind the proxy would have the proxy's address. Where the header says that the
// connection is the proxy's own (LOCAL; UNKNOWN in version 1), or names no
// address of TCP, the address is the proxy's.
//
// Source: The PROXY protocol, versions 1 & 2, by Willy Tarreau, sections 2.1 and
// 2.2. The error is a *ProxyError; limit is for the whole header.
func introduce(conn net.Conn, limit time.Duration) (net.Conn, error) {
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return nil, &ProxyError{err}
	}
	counted := &countingReader{r: conn}
	in := bufio.NewReaderSize(counted, proxyBuffer)
	header, err := proxyproto.Read(in)
	if err != nil {
		return nil, &ProxyError{counted.why(err)}
	}
	remote := conn.RemoteAddr()
	if source, _, ok := header.TCPAddrs(); ok && !header.Command.IsLocal() {
		remote = source
	}
	// HAProxy's version 1 names its own address when it looks whether the server is up.
	if remote.String() == conn.RemoteAddr().String() {
		if err := counted.first(in); err != nil {
			return nil, &ProxyError{counted.why(err)}
		}
	}
	rest, err := in.Peek(in.Buffered())
	if err != nil {
		return nil, &ProxyError{err}
	}
	return &proxiedConn{Conn: conn, begun: bytes.Clone(rest), remote: remote}, nil
}

// proxiedConn is a client's connection behind a proxy.
type proxiedConn struct {
	net.Conn
	begun  []byte // came with the header
	remote net.Addr
}

// Read reads what came with the header, then from the connection.
func (c *proxiedConn) Read(p []byte) (int, error) {
	if len(c.begun) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.begun)
	if c.begun = c.begun[n:]; len(c.begun) == 0 {
		c.begun = nil
	}
	return n, nil
}

// RemoteAddr returns the client's address, as the proxy has it.
func (c *proxiedConn) RemoteAddr() net.Addr { return c.remote }

// SetLinger is the connection's: a session of 2012 ends with a reset.
func (c *proxiedConn) SetLinger(seconds int) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// proxyWait is a proxy's connection before its header has come.
type proxyWait struct {
	conn    net.Conn
	stopped atomic.Bool
}

func (w *proxyWait) drain() { w.kill() }

func (w *proxyWait) kill() {
	w.stopped.Store(true)
	_ = w.conn.Close()
}

// countingReader remembers how many bytes came and with what error they ended. The
// library reports a connection that ends before its header as one without a header.
type countingReader struct {
	r   io.Reader
	n   int
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	c.err = err
	return n, err
}

// first waits for the first byte behind a header. A proxy that checks whether the
// server is up ends its connection here; HAProxy resets it.
func (c *countingReader) first(in *bufio.Reader) error {
	c.n = in.Buffered()
	_, err := in.Peek(1)
	return err
}

// why is the cause behind the library's error.
func (c *countingReader) why(err error) error {
	var timeout net.Error
	switch {
	case errors.As(c.err, &timeout) && timeout.Timeout():
		return errSilentProxy
	case c.err != nil && c.n == 0:
		return &probeError{c.err}
	}
	return err
}

// probeError is the end of a connection on which nothing came.
type probeError struct{ err error }

func (e *probeError) Error() string { return "the connection ended: " + e.err.Error() }

func (e *probeError) Unwrap() error { return e.err }

// isProbe reports whether a proxy only looked whether the port is open.
func isProbe(err error) bool {
	var probe *probeError
	return errors.As(err, &probe) && (errors.Is(probe.err, io.EOF) || errors.Is(probe.err, syscall.ECONNRESET))
}
