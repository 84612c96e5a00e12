package courier

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// isLate reports whether p ended, after all that can run has run.
func isLate(p *progress) bool {
	synctest.Wait()
	return errors.Is(context.Cause(p.ctx), ErrNoProgress)
}

// watched returns a progress that is watched until the test ends.
func watched(t *testing.T, v *movements) *progress {
	p := v.watch(t.Context())
	t.Cleanup(p.stop)
	return p
}

// Movement of one message is time for all, and only of bytes that were not on
// their way before.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &movements{limit: time.Minute}
		first := watched(t, v)
		time.Sleep(40 * time.Second)
		second := watched(t, v)
		first.reached(10, time.Now())
		time.Sleep(59 * time.Second)
		if isLate(first) || isLate(second) {
			t.Error("late within a minute of movement")
		}
		second.reached(0, time.Now())
		first.reached(10, time.Now())
		time.Sleep(time.Second)
		if !isLate(first) || !isLate(second) {
			t.Error("not late a minute after the last movement")
		}
		third := v.watch(t.Context())
		time.Sleep(59 * time.Second)
		if isLate(third) {
			t.Error("a new one is late with those before it")
		}
		third.stop()
		time.Sleep(time.Hour)
		if isLate(third) {
			t.Error("one that stopped is late")
		}
	})
}

// A message that begins gives none of the others more time.
func TestProgressOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &movements{limit: time.Minute}
		first := watched(t, v)
		time.Sleep(30 * time.Second)
		second := watched(t, v)
		time.Sleep(30 * time.Second)
		if !isLate(first) || isLate(second) {
			t.Errorf("after a minute: %v, %v", context.Cause(first.ctx), context.Cause(second.ctx))
		}
		time.Sleep(30 * time.Second)
		if !isLate(second) {
			t.Error("not late after a minute")
		}
	})
}

// The pauses are those that PROTOCOL.md names: 50 ms doubling to 5 s, half of it
// random.
func TestPauses(t *testing.T) {
	pauses := pauses()
	for most := 50 * time.Millisecond; most < time.Minute; most *= 2 {
		limit := min(most, 5*time.Second)
		if pause := pauses.NextBackOff(); pause < limit/2 || pause > limit {
			t.Errorf("pause %v, want half of %v and a random part", pause, limit)
		}
	}
}
