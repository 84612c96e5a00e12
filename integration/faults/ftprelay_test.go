package faults

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
)

// ftpRelay passes FTP sessions on to a server in extended passive mode (RFC 2428), with
// their data connections.
type ftpRelay struct {
	t      *testing.T
	target string
	coming func(bytes int) // of relay, of all data connections
	ln     net.Listener

	running sync.WaitGroup
	mu      sync.Mutex
	control []net.Conn
	data    []*relay
}

// newFTPRelay listens until the test ends.
func newFTPRelay(t *testing.T, target string, coming func(bytes int)) *ftpRelay {
	t.Helper()
	ln, err := net.Listen("tcp", relayHost()+":0")
	if err != nil {
		t.Fatal(err)
	}
	r := &ftpRelay{t: t, target: target, coming: coming, ln: ln}
	r.running.Go(r.serve)
	t.Cleanup(func() {
		_ = ln.Close()
		r.shed()
		r.running.Wait()
	})
	return r
}

func (r *ftpRelay) addr() string { return r.ln.Addr().String() }

func (r *ftpRelay) serve() {
	for {
		client, err := r.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.control = append(r.control, client, server)
		r.mu.Unlock()
		r.running.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
		r.running.Go(func() { r.answer(client, server); _ = client.Close() })
	}
}

// passive is the reply that names a port (RFC 2428, section 3).
var passive = regexp.MustCompile(`^229 .*\(\|\|\|([0-9]+)\|\)`)

// answer passes replies on, with a relay's port in the place of each that they name.
func (r *ftpRelay) answer(client, server net.Conn) {
	lines := bufio.NewReader(server)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if port := passive.FindStringSubmatch(line); port != nil {
			line = "229 Entering Extended Passive Mode (|||" + r.relayed(port[1]) + "|)\r\n"
		}
		if _, err := io.WriteString(client, line); err != nil {
			return
		}
	}
}

// relayed returns the port of a new relay to a port of the server's.
func (r *ftpRelay) relayed(port string) string {
	host, _, _ := net.SplitHostPort(r.target)
	d := newRelay(r.t, net.JoinHostPort(host, port), nil, func(d *relay) { d.coming = r.coming })
	r.mu.Lock()
	r.data = append(r.data, d)
	r.mu.Unlock()
	_, own, _ := net.SplitHostPort(d.addr())
	return own
}

// cut ends the data connections.
func (r *ftpRelay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.data {
		d.shed()
	}
}

// shed ends everything that is open, as a server does that is started again.
func (r *ftpRelay) shed() {
	r.cut()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.control {
		_ = conn.Close()
	}
}
