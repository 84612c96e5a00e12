package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestServerKilled kills the server again and again at moments drawn at random,
// while it starts and recovers too, under load that never pauses. Each start may put new
// log files somewhere else.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	f.pickup = pickupFrom(s.data)
	stopPolling := f.poll(s.data)
	load := f.load(24)
	random := rand.New(rand.NewPCG(*seed, 1))
	for range rounds(12, 300) {
		s.killAtRandom(f, random)
		s.setLayout([]string{"flat", "sharded"}[random.IntN(2)])
		s.start()
	}
	s.await(ready)
	load.finish()
	f.settle(s.data, stopPolling)
	s.stop()
	results.report(t, "01 server killed", s.audit(f.ledger))
}

// killAtRandom kills a server that was just started.
func (s *server) killAtRandom(f *fleet, random *rand.Rand) {
	s.t.Helper()
	switch random.IntN(4) {
	case 0:
		// Somewhere between exec and the end of recovery. The pause is the
		// fault, not a wait for something.
		<-time.After(time.Duration(random.IntN(60_000)) * time.Microsecond)
	case 1:
		s.await(ready)
	default:
		f.await(random.IntN(300))
		// A commit takes milliseconds; this spreads the kills over its steps.
		<-time.After(time.Duration(random.IntN(3_000)) * time.Microsecond)
	}
	s.kill()
}
