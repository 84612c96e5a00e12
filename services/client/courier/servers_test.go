package courier_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/nettest"
)

// before has a server tried before that of a configuration.
func before(cfg courier.Config, address string) courier.Config {
	cfg.Servers = append(dial.One(address, cfg.Servers[0].TLS), cfg.Servers...)
	return cfg
}

// deliver delivers one message and returns what was said meanwhile.
func deliver(t *testing.T, cfg courier.Config) string {
	t.Helper()
	var said bytes.Buffer
	cfg.Log = zerolog.New(&said).Level(zerolog.InfoLevel)
	c := courier.New(cfg)
	_, err := c.Deliver(t.Context(), text("a.txt", []byte("content")))
	_ = c.Close()
	if err != nil {
		t.Errorf("%v\n%s", err, said.Bytes())
	}
	return said.String()
}

func TestServerThatIsGone(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	said := deliver(t, before(s.config(), nettest.Nobody(t)))
	for _, want := range []string{`"warn"`, s.addr, "connection refused", "another server than the first"} {
		if !strings.Contains(said, want) {
			t.Errorf("said nothing of %q:\n%s", want, said)
		}
	}
}

// Where one server is not the right one, the others are; where none is, that is said.
func TestServerThatIsNotTheRightOne(t *testing.T) {
	right, wrong := startServer(t, t.TempDir(), "127.0.0.1:0"), startServer(t, t.TempDir(), "127.0.0.1:0")
	deliver(t, before(right.config(), wrong.addr))
	cfg := before(right.config(), wrong.addr)
	cfg.Servers[1].Address = wrong.addr
	c := courier.New(cfg)
	defer c.Close()
	_, err := c.Deliver(t.Context(), text("a.txt", []byte("content")))
	if !errors.As(err, new(*courier.RefusalError)) || !errors.As(err, new(*identity.MismatchError)) {
		t.Errorf("got %v", err)
	}
}

// One that is not the right one does not end the wait for one that is away.
func TestServerThatIsAway(t *testing.T) {
	right, wrong := startServer(t, t.TempDir(), "127.0.0.1:0"), startServer(t, t.TempDir(), "127.0.0.1:0")
	cfg := before(right.config(), wrong.addr)
	addr := right.addr
	if err := right.stop(); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 8)
	cfg.Contact = func(reason string) { told <- reason }
	c := courier.New(cfg)
	defer c.Close()
	delivered := make(chan error, 1)
	m := text("a.txt", []byte("content"))
	go func() {
		_, err := c.Deliver(t.Context(), m)
		delivered <- err
	}()
	select {
	case reason := <-told:
		if !strings.Contains(reason, addr+": dial: ") {
			t.Errorf("told %q", reason)
		}
	case err := <-delivered:
		t.Fatal(err)
	}
	startServer(t, right.dir, addr)
	if err := <-delivered; err != nil {
		t.Error(err)
	}
}

// Servers that stand by for another one are left for that, one after the other, and a
// message that may be postponed is not before all were asked.
func TestServersThatStandBy(t *testing.T) {
	dir := t.TempDir()
	serving := startServer(t, dir, "127.0.0.1:0")
	one, other := startServer(t, dir, "127.0.0.1:0"), startServer(t, dir, "127.0.0.1:0")
	c := courier.New(before(before(serving.config(), other.addr), one.addr))
	defer c.Close()
	m := text("a.txt", []byte("content"))
	m.Postpone = true
	if _, err := c.Deliver(t.Context(), m); err != nil {
		t.Error(err)
	}
}

// A server that ends under a message is asked again after the others.
func TestServerThatEndsUnderMessages(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	r := newRelay(t, s.addr)
	c := courier.New(before(s.config(), r.ln.Addr().String()))
	defer c.Close()
	m, times := text("large", make([]byte, 3<<20)), 0
	open := m.Open
	m.Open = func() (io.ReadSeekCloser, error) {
		times++
		(*r.last.Load()).Close()
		return open()
	}
	if _, err := c.Deliver(t.Context(), m); err != nil || times != 2 {
		t.Errorf("%v at attempt %d", err, times)
	}
}

// Once a server that is listed before takes messages again they go there.
func TestComesBack(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	first := nettest.Nobody(t)
	back := make(chan struct{}, 1)
	cfg := before(s.config(), first)
	cfg.Return = time.Millisecond
	cfg.Log = zerolog.New(lineFunc(func(line []byte) {
		if bytes.Contains(line, []byte("connected to server")) && bytes.Contains(line, []byte(first)) {
			back <- struct{}{}
		}
	}))
	c := courier.New(cfg)
	defer c.Close()
	if _, err := c.Deliver(t.Context(), text("a.txt", []byte("content"))); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	r := relayOn(t, ln, s.addr)
	select {
	case <-back:
	case <-time.After(time.Minute):
		t.Fatal("nobody has come back")
	}
	if _, err := c.Deliver(t.Context(), text("b.txt", []byte("content"))); err != nil || r.last.Load() == nil {
		t.Errorf("%v, over the first server: %v", err, r.last.Load() != nil)
	}
}
