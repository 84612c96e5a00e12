// Package dial finds, of the servers that a client may go to, one that takes it.
//
// Every address of a server's name counts. They are tried in order, each begun once
// the one before has failed, or has taken too long: then both go on, and the first that
// gets through is taken. So a machine that is gone without a word costs a moment, and
// not the time that the system has for a connection.
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"sealpost/shared/settings"
)

// Delay is how long an attempt goes on alone. RFC 8305, section 5, has 250 ms for a
// connection; here the log-in is part of it.
const Delay = time.Second

// Server is one that a client may go to.
type Server struct {
	Address string      // HOST:PORT; no host: this machine
	TLS     *tls.Config // tells whether it is the right one
}

// List is that of servers, each with what checks it by its host.
func List(addresses []settings.Address, check func(host string) *tls.Config) []Server {
	servers := make([]Server, len(addresses))
	for i, a := range addresses {
		host, _, _ := net.SplitHostPort(string(a)) // it was read as one with a port
		servers[i] = Server{string(a), check(host)}
	}
	return servers
}

// One is the list of a single server.
func One(address string, config *tls.Config) []Server { return []Server{{address, config}} }

// Target is one address of a server.
type Target struct {
	Server
	Rank int    // the server's place in the list, from 0
	At   string // IP:PORT, or the server's own where its name was not looked up
}

// String names the server and, where its name is not an address, that too.
func (t Target) String() string {
	if t.At == t.Address {
		return t.Address
	}
	return fmt.Sprintf("%s (%s)", t.Address, t.At)
}

// Connect makes a TCP connection.
func (t Target) Connect(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", t.At)
}

// lookUp returns all addresses of a server. The error is a *net.DNSError.
func (t Target) lookUp(ctx context.Context) ([]Target, error) {
	host, port, err := net.SplitHostPort(t.Address)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	all := make([]Target, len(found))
	for i, ip := range found {
		t.At = net.JoinHostPort(ip.Unmap().String(), port)
		all[i] = t
	}
	return all, nil
}

// isName reports whether an address has a host that must be looked up.
func isName(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false // the error is that of the connection
	}
	_, err = netip.ParseAddr(host)
	return err != nil
}

// Failure is a target that could not be used.
type Failure struct {
	Target
	Err error
}

// Error means that no target could be used: at least one failed.
type Error struct{ Failures []Failure }

func (e *Error) Error() string {
	texts := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		texts[i] = fmt.Sprintf("%s: %v", f.Target, f.Err)
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns what each failed of.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f.Err
	}
	return errs
}
