package intake_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
)

// shutdown starts a Shutdown and returns once every session knows of it.
func (s *server) shutdown(t *testing.T) (result <-chan error, cut context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- s.intake.Shutdown(ctx) }()
	s.drained(t)
	return ended, cancel
}

// inFile is more than the logbook keeps in memory of an incomplete message.
const inFile = 40 << 10

// A message on its way when the server stops is finished and answered; its
// sender then hears why the connection ends, as does everyone else.
func TestShutdownFinishesBody(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	h.letGo()
	m := plain("last.txt", make([]byte, 2*inFile))
	p := s.connect(t)
	p.write(appendData(p.offer(m), m.body[:inFile]))
	h.waitStaged(t)
	ended, _ := s.shutdown(t)
	s.bystander.wantClose(framing.CodeShuttingDown)
	check(t, s.bystander.conn.Close())

	p.write(framing.Append(appendData(nil, m.body[inFile:]), framing.TypeEnd, nil))
	_, e := p.wantReceipt(0)
	p.wantKept(m, e)
	p.wantClose(framing.CodeShuttingDown)
	check(t, p.conn.Close())
	check(t, receive(t, ended, "Shutdown"))
	s.logs.wait(t, 2, fields{"message": "connection closed", "reason": "shutting down"})
	s.wantMetric(t, "sealpost_connections_closed_total", "shutting down", 2)
	s.wantStopped(t)
}

// The same for a message that is being committed, and one more that the client
// offers too late: it is not taken.
func TestShutdownFinishesCommit(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	m := plain("last.txt", []byte("complete"))
	p := s.connect(t)
	p.write(p.whole(m))
	h.wait(t, 1)
	ended, _ := s.shutdown(t)
	p.write(p.whole(plain("late.txt", []byte("too late"))))
	h.letGo()
	_, e := p.wantReceipt(0)
	p.wantKept(m, e)
	p.wantClose(framing.CodeShuttingDown)
	for _, open := range []*peer{p, s.bystander} {
		check(t, open.conn.Close())
	}
	check(t, receive(t, ended, "Shutdown"))
	s.wantFiles(t, 1)
	s.wantStopped(t)
}

// wantStopped checks that a server that was shut down takes nothing any more.
func (s *server) wantStopped(t *testing.T) {
	t.Helper()
	for _, addr := range []string{s.addr, s.addr2012} {
		if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr); err == nil {
			t.Errorf("%s can still be connected to", addr)
		}
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	if err := s.intake.Serve(ln); !errors.Is(err, intake.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve left its listener open: %v", err)
	}
}

// Shutdown waits for a message that does not come on until its context ends,
// and no longer.
func TestShutdownCutsOff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		stuck func(t *testing.T, s *server, h *held) (end func())
	}{
		{"in a body", func(t *testing.T, s *server, h *held) func() {
			p := s.connect(t)
			m := plain("a.txt", make([]byte, 2*inFile))
			p.write(appendData(p.offer(m), m.body[:inFile]))
			h.waitStaged(t)
			return p.wantCut
		}},
		{"in a commit", func(t *testing.T, s *server, h *held) func() {
			p := s.connect(t)
			p.write(p.whole(plain("a.txt", []byte("whole"))))
			h.wait(t, 1)
			return p.wantUnknown
		}},
		{"on the 2012 wire", func(t *testing.T, s *server, _ *held) func() {
			conn := s.dialRaw(t, s.addr2012, "")
			_, err := conn.Write(make([]byte, cipher2012.KeySize))
			check(t, err)
			s.logs.wait(t, 1, fields{"wire": "2012", "message": "client connected from " + conn.LocalAddr().String()})
			return func() { wantEnded(t, readEnd(conn)) }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, h := startHeld(t, intake.Limits{})
			end := test.stuck(t, s, h)
			ended, cut := s.shutdown(t)
			s.bystander.wantClose(framing.CodeShuttingDown)
			cut()
			if err := receive(t, ended, "Shutdown"); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown returned %v", err)
			}
			end()
		})
	}
}

// wantUnknown reads the end of a connection whose one message has no outcome
// yet. The server may still say so, and why it ends; it must not say more.
func (p *peer) wantUnknown() {
	p.t.Helper()
	for {
		rec, err := p.read()
		if err != nil {
			wantEnded(p.t, err)
			return
		}
		refusal, notRefusal := framing.ParseRefusal(rec.Payload)
		last, notClose := framing.ParseClose(rec.Payload)
		switch {
		case rec.Type == framing.TypeRefusal && notRefusal == nil && refusal.Code.Class() == framing.ClassMessageLater:
		case rec.Type == framing.TypeClose && notClose == nil && last.Code == framing.CodeShuttingDown:
		default:
			p.t.Fatalf("the server sent %s %q", rec.Type, rec.Payload)
		}
	}
}

// Those who have no message on its way do not hold Shutdown up. Whoever can be
// told why the connection ends is told.
func TestShutdownDoesNotWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		open func(t *testing.T, s *server) []*peer // those who are told
	}{
		{"nobody", func(*testing.T, *server) []*peer { return nil }},
		{"silent in TCP", func(t *testing.T, s *server) []*peer {
			s.dialRaw(t, s.addr, "")
			return nil
		}},
		{"silent in TLS", func(t *testing.T, s *server) []*peer {
			s.dial(t) // whether it is told depends on how far the server got
			return nil
		}},
		{"silent on the 2012 wire", func(t *testing.T, s *server) []*peer {
			s.dialRaw(t, s.addr2012, "")
			return nil
		}},
		{"in half an offer", func(t *testing.T, s *server) []*peer {
			p := s.connect(t)
			p.write(p.offer(plain("a.txt", nil))[:20])
			return []*peer{p}
		}},
		{"a whole 2012 message", func(t *testing.T, s *server) []*peer {
			conn := s.dialRaw(t, s.addr2012, "")
			_, err := conn.Write(enciphered2012([]byte("whole")))
			check(t, err)
			check(t, conn.CloseWrite())
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const hour = time.Hour
			s := start(t, options{limits: intake.Limits{Handshake: hour, Idle: hour, RateGrace: hour}})
			told := append(test.open(t, s), s.bystander)
			ended, _ := s.shutdown(t)
			for _, p := range told {
				p.wantClose(framing.CodeShuttingDown)
				check(t, p.conn.Close())
			}
			check(t, receive(t, ended, "Shutdown"))
		})
	}
}
