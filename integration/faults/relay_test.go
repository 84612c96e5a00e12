package faults

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// relay passes TCP connections on to a server, and can mistreat each.
type relay struct {
	ln      net.Listener
	harmed  counter                // connections that met their fault, or ended before
	choose  func(n int) *treatment // for the n-th connection; nil, or returning nil: none
	passing func(bytes int)        // called before so many go to the server; nil: nothing is done
	coming  func(bytes int)        // the same, to the client
	running sync.WaitGroup

	mu     sync.Mutex
	target string        // "": hold new connections until there is one
	led    chan struct{} // closed when the target changes
	closed bool
	open   map[net.Conn]struct{}
	count  int
}

// newRelay listens until the test ends. What is set has effect from the first
// connection on.
func newRelay(t *testing.T, target string, choose func(n int) *treatment, set ...func(*relay)) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", relayHost()+":0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{ln: ln, target: target, led: make(chan struct{}), choose: choose, open: make(map[net.Conn]struct{})}
	r.harmed.changed = make(chan struct{})
	for _, s := range set {
		s(r)
	}
	r.running.Go(r.serve)
	t.Cleanup(r.close)
	return r
}

func (r *relay) addr() string { return r.ln.Addr().String() }

// lead sends the connections from now on to another server; those that are open
// stay where they lead.
func (r *relay) lead(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
	close(r.led)
	r.led = make(chan struct{})
}

// leads waits for a target.
func (r *relay) leads() (target string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.target == "" && !r.closed {
		led := r.led
		r.mu.Unlock()
		<-led
		r.mu.Lock()
	}
	if r.closed {
		return "", net.ErrClosed
	}
	return r.target, nil
}

// shed ends all connections, as a balancer does whose server is marked down.
func (r *relay) shed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		_ = conn.Close()
	}
}

func (r *relay) close() {
	_ = r.ln.Close()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.lead("")
	r.shed()
	r.running.Wait()
}

func (r *relay) serve() {
	for {
		conn, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.pass(conn.(*net.TCPConn)) })
	}
}

// track has a connection closed at the end; false means that the end has come.
func (r *relay) track(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = conn.Close()
		return false
	}
	r.open[conn] = struct{}{}
	return true
}

func (r *relay) drop(conn net.Conn) {
	_ = conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

func (r *relay) dial() (*net.TCPConn, error) {
	target, err := r.leads()
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return nil, err
	}
	if !r.track(conn) {
		return nil, net.ErrClosed
	}
	return conn.(*net.TCPConn), nil
}

// pass carries one connection to its end.
func (r *relay) pass(client *net.TCPConn) {
	if !r.track(client) {
		return
	}
	defer r.drop(client)
	server, err := r.dial()
	if err != nil {
		return // the client sees the end of its connection
	}
	defer r.drop(server)
	l := &line{client: client, server: server, faults: r.treatment(), passing: r.passing, coming: r.coming}
	if l.faults != nil {
		defer r.harmed.add()
		if l.faults.kind == duplicated {
			if l.double, err = r.dial(); err != nil {
				return
			}
			defer r.drop(l.double)
		}
	}
	l.run()
}

func (r *relay) treatment() *treatment {
	if r.choose == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	return r.choose(r.count - 1)
}

// harm draws a treatment for each of the first n connections; those behind pass
// unharmed, so that everything is delivered in the end.
func harm(n int, random *rand.Rand, kinds ...kind) func(int) *treatment {
	return func(i int) *treatment {
		if i >= n {
			return nil
		}
		return draw(kinds[random.IntN(len(kinds))], random)
	}
}

// line is one connection with its two directions.
type line struct {
	client, server *net.TCPConn
	double         *net.TCPConn // hears what the server hears, for duplicated
	faults         *treatment
	passing        func(bytes int) // of relay
	coming         func(bytes int) // as well
}

func (l *line) run() {
	var both sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	both.Go(func() { l.copy(ctx, l.server, l.client, true); l.clientEnded(cancel) })
	both.Go(func() { l.copy(ctx, l.client, l.server, false); cancel(); _ = l.client.Close() })
	if l.double != nil {
		both.Go(func() { _, _ = io.Copy(io.Discard, l.double); _ = l.double.Close() })
	}
	both.Wait()
}

// clientEnded tells the server. A half-open line does not: the server must find
// out by itself, and only then the line is dropped.
func (l *line) clientEnded(cancel context.CancelFunc) {
	if l.faults != nil && l.faults.kind == halfOpen && l.faults.struck() {
		return
	}
	cancel()
	_ = l.server.Close()
	if l.double != nil {
		_ = l.double.CloseWrite() // the server itself must end it
	}
}

// copy passes bytes on and lets the fault strike when its moment has come.
func (l *line) copy(ctx context.Context, to, from *net.TCPConn, up bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if e := l.forward(ctx, to, buf[:n], up); e != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errStruck = errors.New("the line is cut")

func (l *line) forward(ctx context.Context, to *net.TCPConn, p []byte, up bool) error {
	if l.passing != nil && up {
		l.passing(len(p))
	}
	if l.coming != nil && !up {
		l.coming(len(p))
	}
	if l.double != nil && up {
		_, _ = l.double.Write(p) // the server may have ended it
	}
	if l.faults != nil {
		return l.faults.forward(ctx, l, to, p, up)
	}
	_, err := to.Write(p)
	return err
}
