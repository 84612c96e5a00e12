package intake_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/framing"
)

// Many messages in flight are all answered, each once, whatever the order.
func TestManyInFlight(t *testing.T) {
	t.Parallel()
	const n = 200
	s := start(t, options{limits: intake.Limits{InFlight: n}})
	p := s.dial(t)
	if w := p.login(); w.MaxInFlight != n || w.Window != framing.InitialWindow || w.MaxMessage != 1<<30 ||
		w.LogbookID != s.state.LogbookID() {
		t.Errorf("WELCOME says %+v", w)
	}
	var all []byte
	parcels := make(map[uint32]parcel)
	for i := range n {
		m := plain(fmt.Sprintf("%d.txt", i), fmt.Appendf(nil, "message %d", i))
		if i%2 == 1 {
			m = sealed(m.Name, m.plain)
		}
		parcels[p.next] = m
		all = append(all, p.whole(m)...)
	}
	p.write(all)
	numbers := make(map[uint64]bool)
	for range n {
		r, err := framing.ParseReceipt(p.want(framing.TypeReceipt))
		check(t, err)
		m, ok := parcels[r.Ref]
		if !ok {
			t.Fatalf("offer %d was answered twice, or never made", r.Ref)
		}
		delete(parcels, r.Ref)
		e := p.open(r.Text)
		p.wantKept(m, e)
		if numbers[e.Seq] || e.Seq >= n {
			t.Errorf("number %d is used twice or leaves a gap", e.Seq)
		}
		numbers[e.Seq] = true
	}
	p.deliver(plain("next.txt", []byte("the next answer is this one's")))
	s.wantMetric(t, "sealpost_messages_total", "kept sealpost", n+1)
}

// A message that is refused is answered before one offered earlier whose commit
// takes longer.
func TestAnswersOvertake(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	p := s.connect(t)
	first, third := plain("first.txt", []byte("first")), plain("third.txt", []byte("third"))
	p.write(p.whole(first))
	p.write(p.whole(plain("sec\nond.txt", []byte("second"))))
	p.write(p.whole(third))
	p.wantRefusal(1, framing.CodeBadOffer)
	h.wait(t, 2)
	h.letGo()
	for range 2 {
		r, err := framing.ParseReceipt(p.want(framing.TypeReceipt))
		check(t, err)
		p.wantKept(map[uint32]parcel{0: first, 2: third}[r.Ref], p.open(r.Text))
	}
	s.goesOn(t)
}

// One offer more than may be in flight ends the connection, and only that. The
// answers to the others come first.
func TestTooManyInFlight(t *testing.T) {
	t.Parallel()
	const most = 4
	// Commits do not end before their own limit does: the places stay taken.
	s, h := startHeld(t, intake.Limits{InFlight: most, Commit: 6 * time.Second})
	p := s.connect(t)
	var all []byte
	for i := range most {
		all = append(all, p.whole(plain(fmt.Sprintf("%d.txt", i), []byte("in flight")))...)
	}
	p.write(append(all, p.offer(plain("one more.txt", []byte("too many")))...))
	refs := make(map[uint32]bool)
	for range most {
		r, err := framing.ParseRefusal(p.want(framing.TypeRefusal))
		check(t, err)
		if r.Code != framing.CodeUnknown || refs[r.Ref] || r.Ref >= most {
			t.Errorf("offer %d was answered with %s", r.Ref, r.Code)
		}
		refs[r.Ref] = true
	}
	p.wantClose(framing.CodeProtocol)
	s.wantClosed(t, "protocol error")
	h.letGo()
	s.goesOn(t)
}

// The places of answered offers are free: any number of messages fits, one
// after the other and up to the limit at once.
func TestPlacesAreFreed(t *testing.T) {
	t.Parallel()
	const most = 3
	s := start(t, options{limits: intake.Limits{InFlight: most}})
	p := s.connect(t)
	for round := range 10 {
		for i := range most {
			m := plain("a.txt", fmt.Append(nil, round, i))
			if i == 1 {
				m.Name = "" // a refusal frees its place too
			}
			p.write(p.whole(m))
		}
		for range most {
			rec, err := p.read()
			check(t, err)
			if rec.Type != framing.TypeReceipt && rec.Type != framing.TypeRefusal {
				t.Fatalf("round %d: %s %q", round, rec.Type, rec.Payload)
			}
		}
	}
	s.wantMetric(t, "sealpost_messages_total", "kept sealpost", 20)
}

// A message over the window is accepted before the rest of it is sent; one that
// just fits gets its receipt at once.
func TestAccept(t *testing.T) {
	t.Parallel()
	content := make([]byte, framing.InitialWindow+100<<10)
	rand.Read(content)
	s := start(t, options{})
	p := s.connect(t)
	p.deliver(plain("fits.bin", content[:framing.InitialWindow]))

	for _, m := range []parcel{plain("large.bin", content), sealed("large.bin", content)} {
		ref := p.next
		p.write(appendData(p.offer(m), m.body[:framing.InitialWindow]))
		p.wantAccept(ref)
		p.write(framing.Append(appendData(nil, m.body[framing.InitialWindow:]), framing.TypeEnd, nil))
		_, e := p.wantReceipt(ref)
		p.wantKept(m, e)
	}

	waits := plain("waits.bin", content)
	ref := p.next
	p.write(p.offer(waits)) // not a byte before ACCEPT
	p.wantAccept(ref)
	p.write(framing.Append(appendData(nil, waits.body), framing.TypeEnd, nil))
	_, e := p.wantReceipt(ref)
	p.wantKept(waits, e)
}

// A client that has nothing more to say still hears the answers.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	s, h := startHeld(t, intake.Limits{})
	p := s.connect(t)
	const n = 3
	for i := range n {
		p.write(p.whole(plain("a.txt", fmt.Append(nil, i))))
	}
	h.wait(t, n)
	check(t, p.conn.CloseWrite())
	check(t, p.conn.NetConn().(interface{ CloseWrite() error }).CloseWrite())
	h.letGo()
	refs := make(map[uint32]bool)
	for range n {
		r, err := framing.ParseReceipt(p.want(framing.TypeReceipt))
		check(t, err)
		refs[r.Ref] = true
	}
	if len(refs) != n {
		t.Errorf("answers for %v", refs)
	}
	if _, err := p.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the answers: %v", err)
	}
	s.logs.wait(t, 1, fields{"message": "client left"})
	s.goesOn(t)
	s.wantFiles(t, n+2)
}
