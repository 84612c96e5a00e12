package courier_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/nettest"
)

// relay passes connections on to a server. While it is frozen it takes what
// clients send on the connections it has, and passes none of it on: so looks a
// server whose host is gone behind a proxy that stays up.
type relay struct {
	ln     net.Listener
	frozen atomic.Pointer[net.Conn] // the connection that is frozen
	last   atomic.Pointer[net.Conn]
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	ln := nettest.Listen(t)
	return relayOn(t, ln, server)
}

func relayOn(t *testing.T, ln net.Listener, server string) *relay {
	r := &relay{ln: ln}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			r.last.Store(&client)
			go r.pass(client, server)
		}
	}()
	return r
}

func (r *relay) pass(client net.Conn, server string) {
	defer client.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(client, up) }()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if frozen := r.frozen.Load(); frozen != nil && *frozen == client {
			continue
		}
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
	}
}

// A connection that falls silent is given up for a new one, also where nothing
// else bounds the wait.
func TestStalledConnection(t *testing.T) {
	for name, content := range map[string]string{
		"waiting for the answer": "small", "waiting for ACCEPT": strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, t.TempDir(), "127.0.0.1:0")
			r := newRelay(t, s.addr)
			cfg := s.config()
			cfg.Servers[0].Address = r.ln.Addr().String()
			cfg.Timeout, cfg.Stall = 0, 3*time.Second // the next one must not stall too
			c := courier.New(cfg)
			defer c.Close()
			if _, err := c.Logbook(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.frozen.Store(r.last.Load())
			d, err := c.Deliver(t.Context(), text("a.txt", []byte(content)))
			if err != nil {
				t.Fatal(err)
			}
			if d.Entry.Seq != 0 || r.last.Load() == r.frozen.Load() {
				t.Errorf("number %d, delivered over the frozen connection: %v", d.Entry.Seq, r.last.Load() == r.frozen.Load())
			}
		})
	}
}

// A message meant for one logbook is not offered to another.
func TestOtherLogbook(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	m := text("a.txt", []byte("a"))
	m.Logbook = strings.Repeat("0", 32)
	_, err := s.courier(t).Deliver(t.Context(), m)
	var other *courier.LogbookError
	if !errors.As(err, &other) || other.Want != m.Logbook || other.Got != s.state.LogbookID() {
		t.Fatalf("got %v", err)
	}
	m.Logbook = s.state.LogbookID()
	d, err := s.courier(t).Deliver(t.Context(), m)
	if err != nil || d.Entry.Seq != 0 {
		t.Errorf("number %d, %v", d.Entry.Seq, err)
	}
}
