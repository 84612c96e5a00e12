package faults

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
)

// TestSwitchKilled replaces the identity of a server under load, and kills the
// command that does it, and sometimes the server, at moments drawn at random.
// Each time the switch has happened or it has not, clients that list both pins
// notice nothing, and both identities sign in the end.
func TestSwitchKilled(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(*seed, 14))
	for range rounds(2, 30) {
		s := newServer(t)
		s.start()
		s.await(ready)
		s.must("identity", "next")
		f := newFleet(s, s.listen, 1, defaultStall) // its token comes with both pins
		p := f.next()
		before, err := f.couriers[0].Deliver(patient(t), p.Message)
		if err != nil {
			t.Fatal(err)
		}
		f.ledger.Receipt(before.Entry)
		load := f.load(4)
		s.switchKilled(random)
		f.await(5)
		load.finish()
		s.holdsBoth(f, p, before)
		s.stop()
		s.must("verify")
		results.report(t, "14 identity switched", s.audit(f.ledger))
	}
}

// must runs a command that succeeds and returns what it printed.
func (s *server) must(args ...string) string {
	s.t.Helper()
	out, complaint, status := s.command(args...)
	if status != 0 {
		s.t.Fatalf("%s ends with %d: %s", strings.Join(args, " "), status, complaint)
	}
	return out
}

// switchKilled gives the command again until it was let finish.
func (s *server) switchKilled(random *rand.Rand) {
	s.t.Helper()
	for range 3 {
		cmd := exec.Command(filepath.Join(programs, "server"), "identity", "switch")
		cmd.Env = s.env
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		// The pause is the fault, not a wait for something.
		<-time.After(time.Duration(random.IntN(30_000)) * time.Microsecond)
		_ = cmd.Process.Signal(os.Kill) // it may have ended
		_ = cmd.Wait()
		if random.IntN(2) == 0 {
			s.kill()
			s.start()
		}
	}
	if strings.Contains(s.must("identity", "list"), "next ") {
		s.must("identity", "switch")
	}
	s.await(ready)
}

// holdsBoth: who pins the new identity alone gets the receipt of a message of
// before the switch, and both have signed it; the facts are those of then.
func (s *server) holdsBoth(f *fleet, p parcel, before courier.Delivery) {
	s.t.Helper()
	now, err := identity.ParsePins(strings.TrimSpace(s.must("identity")))
	if err != nil {
		s.t.Fatal(err)
	}
	if now.Has(f.senders[0].pins[0].Key) {
		s.t.Fatal("the identity was not switched")
	}
	fresh := f.senders[0]
	fresh.pins = now
	var got courier.Delivery
	s.until(func(ctx context.Context) (bool, string) { // the running server follows within a moment
		c := fresh.courier(s.listen, defaultStall)
		defer func() { _ = c.Close() }()
		var err error
		got, err = c.Deliver(ctx, p.Message)
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
	for _, pin := range []identity.Pin{now[0], f.senders[0].pins[0]} {
		if _, err := receipt.Open(got.Receipt, identity.Pins{pin}); err != nil {
			s.t.Errorf("the receipt is not signed by %s: %v", pin, err)
		}
	}
	if got.Entry != before.Entry {
		s.t.Errorf("%+v became %+v", before.Entry, got.Entry)
	}
}
