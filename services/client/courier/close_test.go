package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/framing"
)

// Close ends what is under way on every connection, also on one that the server
// asked to leave, and returns when nothing runs any more. A large message waits
// for ACCEPT, a small one behind it for a slot or for its turn.
func TestClose(t *testing.T) {
	for name, inFlight := range map[string]uint16{"slot": 1, "turn": 2} {
		t.Run(name, func(t *testing.T) { testClose(t, inFlight) })
	}
}

func testClose(t *testing.T, inFlight uint16) {
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
	go takeAndSayNothing(ln, inFlight, offered)
	s.cfg.Servers = dial.One(ln.Addr().String(), s.cfg.Pins.ClientTLS())
	s.cfg.Log, s.cfg.Stall = zerolog.Nop(), time.Minute
	c := New(s.cfg)
	session, _, err := c.connect(t.Context(), s.cfg.Servers, dial.Target{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 2)
	deliver := func(m Message) {
		_, err := session.deliver(&progress{ctx: ctx, all: c.movements}, m)
		ended <- err
	}
	large := l.message
	large.Size = 1 << 20
	large.Open = func() (io.ReadSeekCloser, error) {
		return Unclosed(bytes.NewReader(make([]byte, large.Size))), nil
	}
	go deliver(large)
	<-offered
	go deliver(l.message)
	session.retire()
	if session.ctx.Err() != nil {
		t.Fatal("a session with a message under way ended")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("a delivery ended with %v", err)
		}
	}
	if _, err := c.Logbook(t.Context()); !errors.As(err, new(*UnknownError)) || !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// takeAndSayNothing takes a client in, and tells of an offer.
func takeAndSayNothing(ln net.Listener, inFlight uint16, offered chan<- struct{}) {
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
				MaxMessage: 1 << 20, Window: framing.InitialWindow, MaxInFlight: inFlight, LogbookID: checkedLogbook,
			}))
		case framing.TypeOffer:
			close(offered)
		}
	}
}
