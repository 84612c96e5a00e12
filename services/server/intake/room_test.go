package intake_test

import (
	"context"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/shared/framing"
)

// A message that finds no room for its next bytes is refused in the middle, for
// now; its connection goes on, and its room is there for the others.
func TestRoomEndsInABody(t *testing.T) {
	t.Parallel()
	const size = 5 << 19
	s := start(t, options{limits: intake.Limits{Message: size}, volume: local.Config{MaxStaged: 4 << 20}})
	first, second := s.connect(t), s.connect(t)
	m, n := plain("first.bin", make([]byte, size)), plain("second.bin", make([]byte, size))
	first.write(first.offer(m))
	first.wantAccept(0)
	second.write(second.offer(n))
	second.wantAccept(0)
	first.write(appendData(nil, m.body))
	go func() { _, _ = second.conn.Write(appendData(nil, n.body)) }() // up to the refusal
	second.wantRefusal(0, framing.CodeNoSpace)
	first.write(framing.Append(nil, framing.TypeEnd, nil))
	_, e := first.wantReceipt(0)
	first.wantKept(m, e)
	s.goesOn(t)
	s.wantRefused(t, framing.CodeNoSpace)
}

// scarce is a real logbook that has little room, and wants it filled at once.
type scarce struct{ logbook.Logbook }

func openScarce(cfg local.Config) (logbook.Logbook, error) {
	book, err := local.Open(cfg)
	return scarce{book}, err
}

func (s scarce) Stage(ctx context.Context, d logbook.Draft) (logbook.Staged, error) {
	staged, err := s.Logbook.Stage(ctx, d)
	return hurried{staged}, err
}

func (s scarce) Scratch(ctx context.Context, sender string, limit uint64) (logbook.Scratch, error) {
	scratch, err := s.Logbook.Scratch(ctx, sender, limit)
	return hurriedScratch{scratch}, err
}

type hurried struct{ logbook.Staged }

func (hurried) LeastRate() uint64 { return 1 << 40 }

type hurriedScratch struct{ logbook.Scratch }

func (hurriedScratch) LeastRate() uint64 { return 1 << 40 }

// A body that comes slower than its room demands is cut off, on both wires,
// however low the rate is that is asked of others.
func TestTooSlowForItsRoom(t *testing.T) {
	t.Parallel()
	s := start(t, options{book: openScarce, limits: intake.Limits{RateGrace: 5 * time.Second, MinRate: 1}})
	m := plain("a.bin", make([]byte, 100<<10))
	text := string(enciphered2012(make([]byte, 100<<10)))
	s.cutsOff(t, []stalled{
		{"in the middle", loggedIn(func(p *peer) { p.write(appendData(p.offer(m), m.body[:1000])) }),
			framing.CodeTooSlow, "too slow"},
		{"2012", stop(func(s *server) string { return s.addr2012 }, text), 0, "too slow"},
	})
	s.goesOn(t)
}
