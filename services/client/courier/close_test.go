package courier

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/framing"
)

// Close ends what is under way on every connection, also on one that the server
// asked to leave, and returns when nothing runs any more.
func TestClose(t *testing.T) {
	l, s := newLedger(t)
	config, err := l.id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	offered := make(chan struct{}, 1)
	go takeAndSayNothing(ln, offered)
	s.cfg.Server, s.cfg.TLS, s.cfg.Log, s.cfg.Stall = ln.Addr().String(), s.cfg.Pins.ClientTLS(), zerolog.Nop(), time.Minute
	c := New(s.cfg)
	session, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := session.deliver(&progress{ctx: t.Context(), all: c.movements}, l.message)
		ended <- err
	}()
	<-offered
	session.retire()
	if session.ctx.Err() != nil {
		t.Fatal("a session with a message under way ended")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("the delivery ended with %v", err)
	}
	if _, err := c.Logbook(t.Context()); !errors.As(err, new(*UnknownError)) || !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// takeAndSayNothing takes a client in, and tells of each message that it sends.
func takeAndSayNothing(ln net.Listener, offered chan<- struct{}) {
	conn, err := ln.Accept()
	if err != nil {
		return // the client's error says so
	}
	defer conn.Close()
	for in := framing.NewReader(conn); ; {
		rec, err := in.Next()
		if err != nil {
			return
		}
		switch rec.Type {
		case framing.TypeHello:
			_, _ = conn.Write(framing.AppendWelcome(nil, framing.Welcome{
				MaxMessage: 1 << 20, Window: framing.InitialWindow, MaxInFlight: 1, LogbookID: checkedLogbook,
			}))
		case framing.TypeEnd:
			offered <- struct{}{}
		}
	}
}
