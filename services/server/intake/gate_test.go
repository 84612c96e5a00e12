package intake

import (
	"fmt"
	"math"
	"testing"
	"time"

	"sealpost/shared/framing"
)

// The delays of one address's failures, each a second after the last.
func TestGuardDelays(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, test := range []struct {
		first time.Duration
		want  []time.Duration
	}{
		{250 * ms, []time.Duration{0, 0, 0, 250 * ms, 500 * ms, s, 2 * s, 4 * s, 8 * s, 10 * s, 10 * s, 10 * s}},
		{10 * s, []time.Duration{0, 0, 0, 10 * s, 10 * s}},
		{time.Hour, []time.Duration{0, 0, 0, time.Hour, time.Hour, time.Hour}}, // never less than was asked for
		{1, []time.Duration{0, 0, 0, 1, 2, 4}},
	} {
		t.Run(test.first.String(), func(t *testing.T) {
			g, now := newGuard(test.first), time.Now()
			for i, want := range test.want {
				now = now.Add(time.Second)
				if got := g.failed("192.0.2.1", now); got != want {
					t.Errorf("failure %d waits %v instead of %v", i, got, want)
				}
			}
			if got := g.failed("192.0.2.2", now); got != 0 {
				t.Errorf("another address's first failure waits %v", got)
			}
			if got := g.failed("192.0.2.1", now.Add(forgetAfter+1)); got != 0 {
				t.Errorf("the first failure after a long time waits %v", got)
			}
		})
	}
	g, now := newGuard(time.Second), time.Now()
	for range 10_000 {
		g.failed("192.0.2.1", now)
	}
	if got := g.failed("192.0.2.1", now); got != maxLoginDelay {
		t.Errorf("after very many failures the next waits %v", got)
	}
}

// Many addresses do not fill the memory; old ones go first.
func TestGuardIsBounded(t *testing.T) {
	g, now := newGuard(time.Second), time.Now()
	for i := range maxGuarded - 1 {
		g.failed(fmt.Sprint("old ", i), now)
	}
	g.failed("recent", now.Add(forgetAfter/2))
	now = now.Add(forgetAfter + 1)
	g.failed("new", now)
	if n := len(g.failures); n != 2 {
		t.Errorf("%d addresses are remembered, 2 are recent", n)
	}
	for i := range 2 * maxGuarded {
		g.failed(fmt.Sprint("new ", i), now)
	}
	if n := len(g.failures); n > maxGuarded {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestGate(t *testing.T) {
	g := newGate(3, 2)
	for i, step := range []struct {
		address string
		leave   bool
		want    bool
	}{
		{"a", false, true}, {"a", false, true}, {"a", false, false},
		{"b", false, true}, {"b", false, false}, // three in all
		{"a", true, true}, {"c", false, true}, {"a", false, false},
		{"b", true, true}, {"a", false, true},
	} {
		if step.leave {
			g.leave(step.address)
		} else if got := g.enter(step.address); got != step.want {
			t.Errorf("step %d: %s let in: %v", i, step.address, got)
		}
	}
	for _, address := range []string{"a", "a", "c"} {
		g.leave(address)
	}
	if g.total != 0 || len(g.count) != 0 {
		t.Errorf("an empty gate remembers %d, %v", g.total, g.count)
	}
}

// The deadline of a read is the idle one, or the least rate's where that is
// earlier; no size and no rate makes it overflow.
func TestPace(t *testing.T) {
	start := time.Now()
	after := func(d time.Duration) time.Time { return start.Add(d) }
	const s = time.Second
	for _, test := range []struct {
		name     string
		limits   Limits
		at       time.Duration
		received uint64
		want     time.Duration
	}{
		{"a record's time after the grace", Limits{Idle: time.Hour, RateGrace: 30 * s, MinRate: 1 << 10}, 0, 0, 94 * s},
		{"more with each byte", Limits{Idle: time.Hour, RateGrace: 30 * s, MinRate: 1 << 10}, 90 * s, 100 << 10, 194 * s},
		{"whatever the clock says", Limits{Idle: time.Hour, RateGrace: 30 * s, MinRate: 1 << 10}, 300 * s, 0, 94 * s},
		{"idle comes first", Limits{Idle: 10 * s, RateGrace: 30 * s, MinRate: 1 << 10}, 5 * s, 0, 15 * s},
		{"slow and huge", Limits{Idle: 10 * s, RateGrace: 30 * s, MinRate: 1}, s, math.MaxUint64 - framing.MaxData, 11 * s},
		{"slow and large", Limits{Idle: 10 * s, RateGrace: 30 * s, MinRate: 1}, s, 1 << 40, 11 * s},
		{"any rate", Limits{Idle: 10 * s, RateGrace: s, MinRate: math.MaxUint64}, 0, 1 << 20, s},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pace{limits: test.limits, start: start}
			if got := p.deadline(after(test.at), test.received).Sub(start); got != test.want {
				t.Errorf("the deadline is after %v instead of %v", got, test.want)
			}
		})
	}
}

func TestDefaultLimits(t *testing.T) {
	l := Limits{Connections: 7, InFlight: 1 << 20}.WithDefaults()
	if l.Connections != 7 || l.InFlight != math.MaxUint16 {
		t.Errorf("limits that were given became %+v", l)
	}
	l = Limits{}.WithDefaults()
	for name, zero := range map[string]bool{
		"Message": l.Message == 0, "Connections": l.Connections == 0, "ConnectionsPerAddress": l.ConnectionsPerAddress == 0,
		"InFlight": l.InFlight == 0, "Handshake": l.Handshake == 0, "Idle": l.Idle == 0, "MinRate": l.MinRate == 0,
		"RateGrace": l.RateGrace == 0, "Write": l.Write == 0, "Commit": l.Commit == 0, "LoginDelay": l.LoginDelay == 0,
	} {
		if zero {
			t.Errorf("%s has no default", name)
		}
	}
}

func TestHostOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:99": "192.0.2.7", "[::ffff:192.0.2.7]:99": "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:99": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:1": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:99": "fe80::/64",
	} {
		if got := hostOf(&namedAddr{address}); got != want {
			t.Errorf("%s counts as %s instead of %s", address, got, want)
		}
	}
}

type namedAddr struct{ text string }

func (a *namedAddr) Network() string { return "tcp" }
func (a *namedAddr) String() string  { return a.text }
