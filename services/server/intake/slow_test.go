package intake_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/framing"
)

// A body that stops, or trickles, is cut off once RateGrace is over.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	limits := intake.Limits{RateGrace: time.Second, MinRate: 1 << 40}
	m := plain("a.bin", make([]byte, 100<<10))
	for _, test := range []struct {
		name string
		send func(p *peer)
	}{
		{"after the offer", func(p *peer) { p.write(p.offer(m)) }},
		{"in the middle", func(p *peer) { p.write(appendData(p.offer(m), m.body[:1000])) }},
		{"inside a record", func(p *peer) {
			p.write(append(p.offer(m), byte(framing.TypeData), 0, 0, 1, 0, 'x'))
		}},
		{"before END", func(p *peer) { p.write(appendData(p.offer(m), m.body)) }},
		{"byte after byte", func(p *peer) {
			p.write(p.offer(m))
			for range m.body {
				if _, err := p.conn.Write(appendData(nil, []byte{0})); err != nil {
					return // the server has had enough
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{limits: limits})
			p := s.connect(t)
			test.send(p)
			p.wantClose(framing.CodeTooSlow)
			s.wantClosed(t, "too slow")
			s.goesOn(t)
			s.wantFiles(t, 2)
		})
	}
}

// The rest of a refused body has the same limits.
func TestTooSlowAfterRefusal(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{RateGrace: time.Second, MinRate: 1 << 40}})
	p := s.connect(t)
	p.write(p.offer(plain("", []byte("no name"))))
	p.wantRefusal(0, framing.CodeBadOffer)
	p.wantClose(framing.CodeTooSlow)
	s.wantClosed(t, "too slow")
	s.goesOn(t)
}

// Who says nothing for Idle is cut off, between messages and inside one; who
// talks in the meantime is not.
func TestIdle(t *testing.T) {
	t.Parallel()
	limits := intake.Limits{Idle: 2 * time.Second, MinRate: 1}
	for _, test := range []struct {
		name string
		send func(p *peer)
	}{
		{"after WELCOME", func(*peer) {}},
		{"after a message", func(p *peer) { p.deliver(plain("a.txt", []byte("a"))) }},
		{"in a body", func(p *peer) { p.write(appendData(p.offer(plain("a.txt", []byte("whole"))), []byte("half"))) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{limits: limits})
			stop := s.bystander.chat()
			p := s.connect(t)
			test.send(p)
			p.wantClose(framing.CodeIdle)
			s.wantClosed(t, "idle")
			stop()
			s.goesOn(t)
		})
	}
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
	return func() { cancel(); <-ended }
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

// A peer that takes no answers is cut off after Write.
func TestAnswersNotTaken(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Write: time.Second}, listen: smallBuffers})
	p := s.deaf(t)
	for range 100 {
		p.write(p.whole(plain("a.txt", []byte("a"))))
	}
	s.wantClosed(t, "answers not taken")
	p.wantCutAfterAnswers()
	s.goesOn(t)
}

// What waits for such a peer in memory is bounded: an answer frees its place
// among those in flight only when it is written.
func TestAnswersNotTakenAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Write: 2 * time.Second, InFlight: 8}, listen: smallBuffers})
	p := s.deaf(t)
	for {
		if _, err := p.conn.Write(p.whole(plain("a.txt", []byte("a")))); err != nil {
			wantEnded(t, err)
			break
		}
	}
	s.wantClosed(t, "protocol error")
	if kept := s.metric(t, "sealpost_messages_total", "kept sealpost"); kept > 100 {
		t.Errorf("%v messages were kept for a peer that took no answer", kept)
	}
	s.goesOn(t)
}

// deaf connects with hardly any room for answers.
func (s *server) deaf(t *testing.T) *peer {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); e != nil {
			return e
		}
		return err
	}}
	raw, err := d.DialContext(t.Context(), "tcp", s.addr)
	check(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	p, err := s.handshake(t, raw)
	check(t, err)
	p.login()
	return p
}

// wantCutAfterAnswers reads the answers that got through and then the end.
func (p *peer) wantCutAfterAnswers() {
	p.t.Helper()
	for {
		if _, err := p.read(); err != nil {
			wantEnded(p.t, err)
			return
		}
	}
}

// smallBuffers gives accepted connections hardly any room for answers.
func smallBuffers(ln net.Listener) net.Listener { return cramped{ln} }

type cramped struct{ net.Listener }

func (l cramped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn, conn.(*net.TCPConn).SetWriteBuffer(4096)
}
