package handon_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sealpost/services/driver/handon"
	"sealpost/services/driver/hook"
	"sealpost/shared/numbers"
)

// TestStopsAtAFailure: after a few attempts at growing pauses the run ends, and the
// next ones go on there, until the time to give up is over, across runs.
func TestStopsAtAFailure(t *testing.T) {
	p := newPlace(t, 3)
	p.to.take = refuse(1)
	stopped := only[*handon.StoppedError](p, p.run())
	p.got(0, 1, 1, 1, 1)
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(p.pauses, want) {
		t.Errorf("pauses %v", p.pauses)
	}
	if stopped.Number != 1 || !errors.Is(stopped, errRefused) || stopped.Error() !=
		"message 1: not handed on, and none after it: failing since 2026-11-27T12:00:00Z: test: no room" {
		t.Errorf("%v", stopped)
	}
	p.holds("handed", "1\n1 failing since 2026-11-27T12:00:00Z\n")
	p.clock.now = p.clock.now.Add(40 * time.Minute)
	only[*handon.StoppedError](p, p.run())
	p.got(1, 1, 1, 1)

	p.clock.now = p.clock.now.Add(40 * time.Minute)
	owed := only[*handon.OwedError](p, p.run())
	p.got(1, 2)
	if owed.Numbers.String() != "1" || owed.Error() != "message 1: owed, and not handed on: test: no room" {
		t.Errorf("%v", owed)
	}
	p.holds("owed", "1\n")
	p.holds("handed", "3\n")

	p.v.Add("d", nil)
	only[*handon.OwedError](p, p.run())
	p.got(3, 1) // after the others, once
	p.to.take = nil
	p.green(p.run())
	p.got(1)
	p.holds("owed", "")
	p.green(p.run())
	p.got()
}

// TestFailsForEver with no time to give up: it is never passed over but by Forget.
func TestFailsForEver(t *testing.T) {
	p := newPlace(t, 3)
	p.cfg.GiveUp = 0
	p.to.take = refuse(1)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(10000 * time.Hour)
	only[*handon.StoppedError](p, p.run())
	p.got(1, 1, 1, 1)
	forget := func(which, want string) {
		t.Helper()
		set, err := numbers.Parse(which)
		if err != nil {
			t.Fatal(err)
		}
		forgotten, err := handon.Forget(p.cfg.Dir, set)
		if err != nil || forgotten.String() != want {
			t.Errorf("forgot %q, %v", forgotten, err)
		}
	}
	forget("0,2", "")
	forget("0-2", "1")
	forget("0-2", "")
	p.green(p.run())
	p.got(2)
}

// TestWithoutAnEnd: a driver that follows tries for an hour, gives up, goes on, and
// tries what is owed from time to time.
func TestWithoutAnEnd(t *testing.T) {
	p := newPlace(t, 3)
	p.cfg.Attempts, p.cfg.OwedEvery = 0, time.Millisecond
	recovered := make(chan struct{})
	p.to.take = func(_ context.Context, number uint64) error {
		switch at := len(p.to.got); {
		case number != 0:
			return nil
		case at < 70:
			return errRefused
		case at == 70:
			close(recovered)
		}
		return nil
	}
	h := handon.Start(t.Context(), p.cfg)
	p.collect(h.Kept)
	<-recovered
	p.green(h.Finish())
	given := slices.Index(p.to.got, 1)
	if !slices.Equal(p.to.got[given:given+2], []uint64{1, 2}) || given < 60 || given > 66 || len(p.to.got) != 70 {
		t.Errorf("given up after %d attempts: %v", given, p.to.got)
	}
	p.holds("owed", "")
}

// TestClockSetBack: the time of the first failure is not in the future.
func TestClockSetBack(t *testing.T) {
	p := newPlace(t, 1)
	p.to.take = refuse(0)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(-1000 * time.Hour)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(2 * time.Hour)
	only[*handon.OwedError](p, p.run())
}

// TestAsksToWait: what a hook asks for is waited for, but not for long where the run
// has an end.
func TestAsksToWait(t *testing.T) {
	p := newPlace(t, 1)
	after := 30 * time.Second
	p.to.take = func(context.Context, uint64) error {
		if len(p.to.got) > 1 {
			return nil
		}
		return &hook.FailedError{Hook: "test", After: after, Cause: errRefused}
	}
	p.green(p.run())
	if !slices.Equal(p.pauses, []time.Duration{after}) {
		t.Errorf("pauses %v", p.pauses)
	}
	p.v.Add("b", nil)
	after = 3 * time.Minute
	only[*handon.StoppedError](p, p.run())
	p.got(1)
	p.cfg.Attempts, after = 0, 100*time.Hour
	p.green(p.run())
	if !slices.Equal(p.pauses, []time.Duration{10 * time.Minute}) {
		t.Errorf("pauses %v", p.pauses)
	}
}
