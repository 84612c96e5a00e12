package intake_test

import (
	"bytes"
	"sync"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
)

// other logs in with another token; the peer's wantKept goes by the server's own.
func (s *server) other(t *testing.T, tok token.Token) *peer {
	t.Helper()
	p := s.dial(t)
	p.write(framing.AppendHello(nil, tok.Reveal()))
	p.want(framing.TypeWelcome)
	return p
}

// stays offers a message that must be kept.
func (p *peer) stays(name string) {
	p.t.Helper()
	ref := p.next
	p.write(p.whole(plain(name, []byte(name))))
	p.wantReceipt(ref)
}

// Where a session may be when its token is removed: each ends at once, and is
// told why.
var removedWhile = []struct {
	name  string
	bring func(t *testing.T, p *peer)
}{
	{"idle, nothing sent", func(*testing.T, *peer) {}},
	{"idle, after a message", func(_ *testing.T, p *peer) { p.stays("before.txt") }},
	{"behind an offer", func(_ *testing.T, p *peer) { p.write(p.offer(plain("a.txt", []byte("text")))) }},
	{"in a body", func(_ *testing.T, p *peer) {
		m := plain("a.txt", []byte("half before, half never"))
		p.write(appendData(p.offer(m), m.body[:10]))
	}},
	{"in a large body", func(_ *testing.T, p *peer) {
		m := plain("large.bin", bytes.Repeat([]byte("b"), 2*framing.InitialWindow))
		p.write(appendData(p.offer(m), m.body[:framing.InitialWindow]))
		p.wantAccept(0)
		p.write(appendData(nil, m.body[framing.InitialWindow:][:1000]))
	}},
	{"in a body that is dropped", func(_ *testing.T, p *peer) {
		m := plain("a\nb", []byte("text"))
		p.write(appendData(p.offer(m), m.body))
		p.wantRefusal(0, framing.CodeBadOffer)
	}},
	{"in the middle of a record", func(_ *testing.T, p *peer) {
		record := p.offer(plain("a.txt", []byte("text")))
		p.write(record[:len(record)/2])
	}},
}

func TestTokenRemoved(t *testing.T) {
	t.Parallel()
	for _, test := range removedWhile {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			older, err := s.state.AddSender("store-18")
			check(t, err)
			newer, err := s.state.AddSender("store-18")
			check(t, err)
			removed, successor := s.other(t, older), s.other(t, newer)
			test.bring(t, removed)
			n, err := s.state.RemoveSender("store-18", true)
			check(t, err)
			if n != 1 {
				t.Fatalf("%d tokens removed", n)
			}
			s.intake.Recheck()
			removed.wantClose(framing.CodeUnauthenticated)
			s.wantClosed(t, "token removed")
			kept, _ := s.files(t)
			successor.stays("successor.txt")
			s.goesOn(t)
			s.wantFiles(t, kept+3)
			s.intake.Recheck()
			s.wantMetric(t, "sealpost_connections_closed_total", "token removed", 1)
		})
	}
}

// A message that was complete before its token was removed is kept and answered.
func TestTokenRemovedWhileCommitting(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	m := plain("last.txt", []byte("complete"))
	p := s.connect(t)
	p.write(p.whole(m))
	h.wait(t, 1)
	p.write(appendData(p.offer(plain("next.txt", []byte("text"))), []byte("te")))
	_, err := s.state.RemoveSender(s.token.Sender(), false)
	check(t, err)
	s.intake.Recheck()
	h.letGo()
	_, e := p.wantReceipt(0)
	p.wantKept(m, e)
	p.wantClose(framing.CodeUnauthenticated)
	s.bystander.wantClose(framing.CodeUnauthenticated)
	s.wantFiles(t, 1)
}

// hasty removes a token, and has all sessions looked at, between the answer that
// it is valid and whatever the session does with this answer.
type hasty struct {
	intake.Senders
	once   sync.Once
	remove func()
}

func (h *hasty) Authenticate(tok string) (string, bool) {
	sender, ok := h.Senders.Authenticate(tok)
	h.once.Do(h.remove)
	return sender, ok
}

func TestTokenRemovedAtLogin(t *testing.T) {
	t.Parallel()
	h := &hasty{}
	s := start(t, options{alone: true, senders: func(real intake.Senders) intake.Senders { h.Senders = real; return h }})
	h.remove = func() {
		_, err := s.state.RemoveSender(s.token.Sender(), false)
		check(t, err)
		s.intake.Recheck()
	}
	s.connect(t).wantClose(framing.CodeUnauthenticated)
	s.wantClosed(t, "token removed")
}
