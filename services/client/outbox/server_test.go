package outbox

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/nettest"
	"sealpost/shared/settings"
)

// server is a real server in this process, on loopback.
type server struct {
	*testing.T
	dir, addr string
	token     token.Token
	pins      identity.Pins
	stop      func()
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{T: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	st, err := state.Open(filepath.Join(s.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if s.token, err = st.AddSender("store-17"); err != nil {
		t.Fatal(err)
	}
	if s.pins, err = identity.ParsePins(st.Identity().VerifierKey(receipt.Origin(st.LogbookID()))); err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs it with that much room for messages on their way in, again at the
// same address.
func (s *server) start(room settings.Bytes) {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	cfg := daemon.Config{
		Listen: settings.Address(s.addr), AdminListen: "127.0.0.1:0", DataDir: s.dir, StateDir: filepath.Join(s.dir, "state"),
		MaxMessageBytes: 8 << 20, MaxStagedBytes: room, LogCiphertextMax: 1 << 20, DrainTimeout: 5 * time.Second,
	}
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.Nop(), daemon.Options{OnListen: func(at, _, _ net.Addr) { listening <- at }})
	}()
	select {
	case at := <-listening:
		s.addr = at.String()
	case err := <-ended:
		cancel()
		s.Fatalf("server: %v", err)
	}
	s.stop = sync.OnceFunc(func() { cancel(); <-ended })
	s.Cleanup(s.stop)
}

// config is that of a client of the real server, by way of an address.
func (s *server) config(b bench, addr string) Config {
	c := courier.New(courier.Config{
		Servers: dial.One(addr, s.pins.ClientTLS()), Token: s.token, Pins: s.pins, Log: zerolog.Nop(),
	})
	s.Cleanup(func() { _ = c.Close() })
	cfg := b.config()
	cfg.Deliver, cfg.Logbook = c.Deliver, c.Logbook
	return cfg
}

// relay passes connections on to a server.
type relay struct {
	net.Listener
	mu   sync.Mutex
	last net.Conn
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	ln := nettest.Listen(t)
	r := &relay{Listener: ln}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.last = client
			r.mu.Unlock()
			go pass(client, server)
		}
	}()
	return r
}

func pass(client net.Conn, server string) {
	defer client.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(client, up) }()
	_, _ = io.Copy(up, client)
}

// cut ends the connection that was made last.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.last.Close()
}
