package admin

import (
	"net"
	"sync"
)

// connections may be open at once: each takes a descriptor, and nobody is asked who
// they are.
const connections = 16

// places is a listener that has so many connections open at once at most; the
// others wait for their place, in the kernel.
type places struct {
	net.Listener
	taken  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newPlaces(ln net.Listener, n int) *places {
	return &places{Listener: ln, taken: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a place, then for a connection.
func (p *places) Accept() (net.Conn, error) {
	select {
	case p.taken <- struct{}{}:
	case <-p.closed:
		return nil, net.ErrClosed
	}
	conn, err := p.Listener.Accept()
	if err != nil {
		<-p.taken
		return nil, err
	}
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-p.taken })}, nil
}

// Close ends the waiting too.
func (p *places) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.Listener.Close()
}

// placed gives its place up when it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
