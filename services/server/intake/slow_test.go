package intake_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/framing"
)

// stalled is a peer that stops, and how it is cut off.
type stalled struct {
	name   string
	open   func(t *testing.T, s *server) *peer
	code   framing.Code // of the CLOSE that it hears; 0: none
	reason string       // in the log
}

// cutsOff lets all of them stall on one server at the same time.
func (s *server) cutsOff(t *testing.T, rows []stalled) {
	t.Helper()
	var peers []*peer
	counts := make(map[string]float64)
	for _, row := range rows {
		peers = append(peers, row.open(t, s))
		counts[row.reason]++
	}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := peers[i]
			p.t = t
			if row.code != 0 {
				p.wantClose(row.code)
			} else {
				wantEnded(t, readEnd(p.raw))
			}
			s.logs.wait(t, 1, fields{"message": "connection closed", "reason": row.reason, "remote": p.raw.LocalAddr().String()})
		})
	}
	for reason, n := range counts {
		s.wantMetric(t, "sealpost_connections_closed_total", reason, n)
	}
}

// readEnd reads until the connection ends; io.EOF where it ended cleanly.
func readEnd(conn net.Conn) error {
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return err
	}
	return io.EOF
}

// stop opens a TCP connection, sends bytes and no more.
func stop(addr func(*server) string, bytes string) func(*testing.T, *server) *peer {
	return func(t *testing.T, s *server) *peer {
		t.Helper()
		raw := s.dialRaw(t, addr(s), "")
		_, err := raw.Write([]byte(bytes))
		check(t, err)
		return &peer{t: t, s: s, raw: raw}
	}
}

// loggedIn opens a connection and lets send say what it says.
func loggedIn(send func(p *peer)) func(*testing.T, *server) *peer {
	return func(t *testing.T, s *server) *peer {
		t.Helper()
		p := s.connect(t)
		send(p)
		return p
	}
}

// A peer that stops on its way to a valid HELLO is cut off after Handshake.
func TestStalledBeforeHello(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Handshake: 10 * time.Second}})
	addr := func(s *server) string { return s.addr }
	s.cutsOff(t, []stalled{
		{"in TCP", stop(addr, ""), 0, "handshake failed"},
		{"in the handshake", stop(addr, "\x16\x03\x01\x02\x00\x01\x00"), 0, "handshake failed"},
		{"before HELLO", func(t *testing.T, s *server) *peer { return s.dial(t) }, framing.CodeIdle, "idle"},
		{"inside HELLO", func(t *testing.T, s *server) *peer {
			p := s.dial(t)
			hello := framing.AppendHello(nil, s.token.Reveal())
			p.write(hello[:len(hello)-1])
			return p
		}, framing.CodeIdle, "idle"},
	})
	s.goesOn(t)
}

// A body that stops, or trickles, is cut off once RateGrace is over; so is the
// rest of a refused one.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{RateGrace: 2 * time.Second, MinRate: 1 << 40}})
	m := plain("a.bin", make([]byte, 100<<10))
	row := func(name string, send func(p *peer)) stalled {
		return stalled{name, loggedIn(send), framing.CodeTooSlow, "too slow"}
	}
	s.cutsOff(t, []stalled{
		row("after the offer", func(p *peer) { p.write(p.offer(m)) }),
		row("in the middle", func(p *peer) { p.write(appendData(p.offer(m), m.body[:1000])) }),
		row("inside a record", func(p *peer) { p.write(append(p.offer(m), byte(framing.TypeData), 0, 0, 1, 0, 'x')) }),
		row("before END", func(p *peer) { p.write(appendData(p.offer(m), m.body)) }),
		row("after a refusal", func(p *peer) {
			p.write(p.offer(plain("", []byte("no name"))))
			p.wantRefusal(0, framing.CodeBadOffer)
		}),
		row("byte after byte", func(p *peer) {
			p.write(p.offer(m))
			for range m.body {
				if _, err := p.conn.Write(appendData(nil, []byte{0})); err != nil {
					return // the server has had enough
				}
			}
		}),
	})
	s.goesOn(t)
	s.wantFiles(t, 2)
}

// idle is time enough for those who talk, also on a busy machine.
const idle = 8 * time.Second

// Who says nothing for Idle is cut off, between messages and inside one; who
// talks in the meantime is not.
func TestIdle(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Idle: idle, MinRate: 1}})
	stopChat := s.bystander.chat()
	row := func(name string, send func(p *peer)) stalled {
		return stalled{name, loggedIn(send), framing.CodeIdle, "idle"}
	}
	s.cutsOff(t, []stalled{
		row("after WELCOME", func(*peer) {}),
		row("after a message", func(p *peer) { p.deliver(plain("a.txt", []byte("a"))) }),
		row("in a body", func(p *peer) { p.write(appendData(p.offer(plain("a.txt", []byte("whole"))), []byte("half"))) }),
	})
	stopChat()
	s.goesOn(t)
}

// On the 2012 wire a peer that stops is cut off as well, before the first byte
// and at every point after it.
func TestStalled2012(t *testing.T) {
	t.Parallel()
	good := string(enciphered2012([]byte("0123456789")))
	addr := func(s *server) string { return s.addr2012 }
	t.Run("too slow", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{limits: intake.Limits{RateGrace: 2 * time.Second, MinRate: 1 << 40}})
		s.cutsOff(t, []stalled{
			{"silent", stop(addr, ""), 0, "too slow"},
			{"in the key", stop(addr, good[:20]), 0, "too slow"},
			{"in the text", stop(addr, good[:50]), 0, "too slow"},
			{"before its end", stop(addr, good), 0, "too slow"},
		})
		s.goesOn(t)
		s.wantFiles(t, 2)
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{limits: intake.Limits{Idle: idle, MinRate: 1}})
		stopChat := s.bystander.chat()
		s.cutsOff(t, []stalled{{"in the text", stop(addr, good[:50]), 0, "too slow"}})
		stopChat()
		s.goesOn(t)
	})
}

// chat sends message after message until the returned function is called.
func (p *peer) chat() (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			m := plain("chat.txt", []byte("still here"))
			if _, err := p.conn.Write(p.whole(m)); err != nil {
				p.t.Errorf("bystander: %v", err)
				return
			}
			if rec, err := p.in.Next(); err != nil || rec.Type != framing.TypeReceipt {
				p.t.Errorf("bystander: %s, %v", rec.Type, err)
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	p.t.Cleanup(stop)
	return stop
}

// A message that comes byte by byte, each in a TLS record of its own, is as
// good as any, as long as it is fast enough.
func TestByteByByte(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{MinRate: 1}})
	for _, m := range []parcel{plain("drops.txt", []byte("drop by drop")), sealed("drops.txt", []byte("drop by drop"))} {
		p := s.dial(t)
		p.conn.NetConn().(*net.TCPConn).SetNoDelay(true)
		p.drip(framing.AppendHello(nil, s.token.Reveal()))
		p.want(framing.TypeWelcome)
		p.drip(p.whole(m))
		_, e := p.wantReceipt(0)
		p.wantKept(m, e)
	}
	s.goesOn(t)
}

func (p *peer) drip(b []byte) {
	p.t.Helper()
	for i := range b {
		p.write(b[i : i+1])
	}
}
