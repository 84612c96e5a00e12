package intake_test

import (
	"bytes"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/shared/framing"
)

// An id that is kept already gets its first receipt, before its body is sent
// and whether or not it is.
func TestRepeat(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	m := sealed("once.txt", []byte("once"))
	first := s.connect(t)
	first.write(first.whole(m))
	original, e := first.wantReceipt(0)
	first.wantKept(m, e)

	again := s.connect(t)
	again.write(again.offer(m)) // no body
	receipt, _ := again.wantReceipt(0)
	again.write(framing.Append(nil, framing.TypeCancel, nil))
	if !bytes.Equal(receipt, original) {
		t.Errorf("the receipt of a repeat differs:\n%s\n%s", receipt, original)
	}
	again.write(again.whole(m))
	receipt, _ = again.wantReceipt(1)
	if !bytes.Equal(receipt, original) {
		t.Errorf("the receipt of a repeat with its body differs:\n%s\n%s", receipt, original)
	}
	s.wantMetric(t, "sealpost_messages_total", "kept sealpost", 1)
	s.wantMetric(t, "sealpost_messages_total", "repeat sealpost", 2)
	s.goesOn(t)
	s.wantFiles(t, 3)
}

// What was kept keeps its answer after a restart, also where such a message
// would no longer be taken.
func TestRepeatAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := plain("once.txt", make([]byte, 2000))
	var original []byte
	t.Run("first", func(t *testing.T) {
		s := start(t, options{dir: dir})
		p := s.connect(t)
		p.write(p.whole(m))
		original, _ = p.wantReceipt(0)
	})
	t.Run("again", func(t *testing.T) {
		s := start(t, options{dir: dir, limits: intake.Limits{Message: 1000}})
		p := s.connect(t)
		p.write(p.whole(m))
		if receipt, _ := p.wantReceipt(0); !bytes.Equal(receipt, original) {
			t.Errorf("the receipt of a repeat differs:\n%s\n%s", receipt, original)
		}
		p.write(p.whole(plain("new.txt", m.plain)))
		p.wantRefusal(1, framing.CodeTooLarge)
		s.goesOn(t)
		s.wantFiles(t, 3)
	})
}

// An id that is kept is refused to any other content, for good.
func TestConflict(t *testing.T) {
	t.Parallel()
	m := plain("a.txt", []byte("one content"))
	for _, test := range []struct {
		name  string
		other parcel
	}{
		{"other bytes", plain("a.txt", []byte("two content"))},
		{"other size", plain("a.txt", []byte("other content"))},
		{"other name", plain("b.txt", m.plain)},
		{"other cipher", sealed("a.txt", m.plain)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			p := s.connect(t)
			first := p.deliver(m)
			test.other.ID = m.ID
			p.write(p.whole(test.other))
			p.wantRefusal(1, framing.CodeIDConflict)
			s.wantRefused(t, framing.CodeIDConflict)
			if got := s.content(t, first.File); !bytes.Equal(got, m.plain) {
				t.Errorf("the first content became %q", got)
			}
			s.goesOn(t)
			s.wantFiles(t, 3)
		})
	}
}

// An id belongs to its sender: another sender's message of the same id is
// another message.
func TestSameIDOfAnotherSender(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	m := plain("a.txt", []byte("mine"))
	e := s.connect(t).deliver(m)
	var err error
	s.token, err = s.state.AddSender("store-18")
	check(t, err)
	other := plain("a.txt", []byte("not yours"))
	other.ID = m.ID
	if got := s.connect(t).deliver(other); got.Seq == e.Seq {
		t.Errorf("both have number %d", got.Seq)
	}
}

// The same message on two connections at once becomes one file, and both get
// its receipt; other content of its id is refused.
func TestSameIDAtOnce(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	m := plain("once.txt", []byte("once"))
	var peers []*peer
	for range 2 {
		p := s.connect(t)
		p.write(p.whole(m))
		peers = append(peers, p)
	}
	h.wait(t, 2) // neither is kept yet, so both were taken
	other := plain("once.txt", []byte("else"))
	other.ID = m.ID
	third := s.connect(t)
	third.write(third.whole(other))
	h.wait(t, 1)
	h.letGo()

	var answers [][]byte
	refusals := 0
	for _, p := range append(peers, third) {
		rec, err := p.read()
		check(t, err)
		switch rec.Type {
		case framing.TypeReceipt:
			r, err := framing.ParseReceipt(rec.Payload)
			check(t, err)
			answers = append(answers, r.Text)
		case framing.TypeRefusal:
			r, err := framing.ParseRefusal(rec.Payload)
			check(t, err)
			if r.Code != framing.CodeIDConflict {
				t.Errorf("refused with %s", r.Code)
			}
			refusals++
		default:
			t.Fatalf("the server sent %s %q", rec.Type, rec.Payload)
		}
	}
	// Whichever content came first is the one that is kept.
	if len(answers)+refusals != 3 || len(answers) == 0 || refusals == 0 {
		t.Fatalf("%d receipts and %d refusals", len(answers), refusals)
	}
	for _, a := range answers {
		if !bytes.Equal(a, answers[0]) {
			t.Errorf("two receipts for one message:\n%s\n%s", a, answers[0])
		}
	}
	s.goesOn(t)
	s.wantFiles(t, 3)
}

// Whoever is removed while connected is let go at the next offer.
func TestRemovedSender(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	removed := s.token
	var err error
	p := s.connect(t)
	p.deliver(plain("before.txt", []byte("before")))
	s.token, err = s.state.AddSender("store-18")
	check(t, err)
	s.bystander = s.connect(t)
	_, err = s.state.RemoveSender(removed.Sender(), false)
	check(t, err)
	p.write(p.whole(plain("after.txt", []byte("after"))))
	p.wantClose(framing.CodeUnauthenticated)
	s.wantClosed(t, "token removed")
	p = s.dial(t)
	p.write(framing.AppendHello(nil, removed.Reveal()))
	p.wantClose(framing.CodeUnauthenticated)
	s.goesOn(t)
	s.wantFiles(t, 3)
}
