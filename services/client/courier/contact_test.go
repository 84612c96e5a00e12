package courier_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/server/daemon"
	"sealpost/shared/nettest"
)

// A server that cannot be reached is told of once for each reason, however
// often it is tried, and once more when it is back.
func TestContact(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "127.0.0.1:0")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 100)
	pauses := make(chan struct{}, 1000)
	cfg := s.config()
	cfg.Contact = func(reason string) { told <- reason }
	cfg.Log = zerolog.New(lineFunc(func(line []byte) {
		if bytes.Contains(line, []byte("trying again")) {
			pauses <- struct{}{}
		}
	}))
	c := courier.New(cfg)
	defer c.Close()
	delivered := make(chan error, 1)
	go func() {
		_, err := c.Deliver(t.Context(), text("a.txt", []byte("x")))
		delivered <- err
	}()
	if got := <-told; !strings.Contains(got, "refused") {
		t.Errorf("told %q", got)
	}
	for range 3 {
		<-pauses
	}
	if len(told) > 0 {
		t.Errorf("told again: %q", <-told)
	}
	startServer(t, dir, s.addr)
	if got := <-told; got != "" {
		t.Errorf("told %q, want that it is back", got)
	}
	if err := <-delivered; err != nil || len(told) > 0 {
		t.Errorf("%v, and told %d more", err, len(told))
	}
}

// A server that takes the connection and is silent is told of long before the
// attempt is given up.
func TestContactWithASilentServer(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	ln := nettest.Listen(t) // the kernel connects, nobody answers
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	cfg := s.config()
	cfg.Servers[0].Address = ln.Addr().String()
	cfg.Contact = func(reason string) { told = append(told, reason); cancel() }
	c := courier.New(cfg)
	defer c.Close()
	_, err := c.Deliver(ctx, text("a.txt", []byte("x")))
	if !errors.Is(err, context.Canceled) || !slices.Equal(told, []string{"no answer"}) {
		t.Errorf("%v, told %q", err, told)
	}
}

type lineFunc func([]byte)

func (f lineFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// Ports, local addresses and the time of day are others each time and are left
// out; what comes from outside is made visible.
func TestReason(t *testing.T) {
	at := func(port int) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port},
			Err: os.NewSyscallError("read", io.ErrUnexpectedEOF)}
	}
	invalid := func(from, to int, now string) error {
		year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
		cert := &x509.Certificate{NotBefore: year(from), NotAfter: year(to)}
		cause := x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired, Detail: now}
		return &tls.CertificateVerificationError{Err: cause}
	}
	const late, early = "current time X is after Y", "current time X is before Y"
	for want, err := range map[string]error{
		"the server's certificate has expired on 2001-01-01T00:00:00Z":      invalid(2000, 2001, late),
		"the server's certificate is not valid before 9000-01-01T00:00:00Z": invalid(9000, 9001, early),
		"read: read: unexpected EOF":                                        errors.Join(at(1), io.EOF),
		"no answer": &net.OpError{
			Op: "dial", Err: os.ErrDeadlineExceeded},
		`no such host: a\x1b`: &net.OpError{Op: "dial",
			Err: &net.DNSError{Name: "a\x1b", IsNotFound: true}},
		"the name cannot be looked up: b": &net.DNSError{Name: "b", IsTimeout: true,
			Err: "read udp 127.0.0.1:1"},
		`server closed: \x07 (code 0x0000)`: errors.Join(at(2), &courier.ClosedError{Reason: "\a"}),
		`two\x0alines`:                      errors.New("two\nlines"),
		"dial: connection refused by a test's end": &net.OpError{Op: "dial",
			Err: errors.New("connection refused by a test's end")},
	} {
		if got := courier.Reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// crowded is a server that has room for small messages alone.
func crowded(t *testing.T) *server {
	return startServerWith(t, t.TempDir(), "127.0.0.1:0", func(cfg *daemon.Config) { cfg.MaxStagedBytes = 1 << 20 })
}

// With Postpone, a message that the server does not take for now comes back at
// once, and the connection stays as it is: others go on over it.
func TestPostponed(t *testing.T) {
	s := crowded(t)
	r := newRelay(t, s.addr)
	cfg := s.config()
	cfg.Servers[0].Address, cfg.Timeout = r.ln.Addr().String(), 0
	c := courier.New(cfg)
	defer c.Close()
	m := text("large", make([]byte, 4<<20))
	m.Postpone = true
	_, err := c.Deliver(t.Context(), m)
	var postponed *courier.PostponedError
	if !errors.As(err, &postponed) || postponed.ID != m.ID ||
		postponed.Reason != "server: no room for it now, try again later (no space)" {
		t.Errorf("got %v", err)
	}
	first := r.last.Load()
	if _, err := c.Deliver(t.Context(), text("small", []byte("small"))); err != nil || r.last.Load() != first {
		t.Errorf("%v, over the same connection: %v", err, r.last.Load() == first)
	}
}

// Without it, it is tried again, and named with the reason: once.
func TestRefusedForNowIsNamed(t *testing.T) {
	s := crowded(t)
	ctx, cancel := context.WithCancel(t.Context())
	tries, named := 0, 0
	cfg := s.config()
	cfg.Log = zerolog.New(lineFunc(func(line []byte) {
		switch {
		case bytes.Contains(line, []byte(`"warn"`)) && bytes.Contains(line, []byte("no room for it now")):
			named++
		case bytes.Contains(line, []byte(`"trying again"`)):
			if tries++; tries == 3 {
				cancel()
			}
		}
	}))
	c := courier.New(cfg)
	defer c.Close()
	_, err := c.Deliver(ctx, text("large", make([]byte, 4<<20)))
	if !errors.As(err, new(*courier.UnknownError)) || named != 1 {
		t.Errorf("%v, named %d times in %d tries", err, named, tries)
	}
}

// A message under which one connection after the other ends comes back, too.
func TestPostponedWhereConnectionsEnd(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	r := newRelay(t, s.addr)
	cfg := s.config()
	cfg.Servers[0].Address = r.ln.Addr().String()
	c := courier.New(cfg)
	defer c.Close()
	ctx, giveUp := context.WithCancel(t.Context())
	m := text("small", []byte("small"))
	m.Postpone = true
	open, ended := m.Open, 0
	m.Open = func() (io.ReadSeekCloser, error) {
		if ended++; ended > 3 {
			giveUp()
		}
		(*r.last.Load()).Close()
		return open()
	}
	_, err := c.Deliver(ctx, m)
	if !errors.As(err, new(*courier.PostponedError)) || ended != 3 {
		t.Errorf("%v after %d connections", err, ended)
	}
}
