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
	return errors.Is(p.over(), ErrNoProgress)
}

// Movement of one message is time for all, and only of bytes that were not on
// their way before.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newProgresses(time.Minute)
		first := g.begin(t.Context())
		time.Sleep(40 * time.Second)
		second := g.begin(t.Context())
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
		third := g.begin(t.Context())
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
		g := newProgresses(time.Minute)
		first := g.begin(t.Context())
		time.Sleep(30 * time.Second)
		second := g.begin(t.Context())
		time.Sleep(30 * time.Second)
		if !isLate(first) || isLate(second) {
			t.Errorf("after a minute: %v, %v", first.over(), second.over())
		}
		time.Sleep(30 * time.Second)
		if !isLate(second) {
			t.Error("not late after a minute")
		}
	})
}

// What waits through a context hears of both ends.
func TestProgressContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("stopped")
		parent, cancel := context.WithCancelCause(t.Context())
		g := newProgresses(time.Minute)
		one, end := g.begin(parent).context()
		defer end(nil)
		time.Sleep(time.Minute)
		<-one.Done()
		if err := context.Cause(one); !errors.Is(err, ErrNoProgress) {
			t.Errorf("late: %v", err)
		}
		p := g.begin(parent)
		other, end := p.context()
		defer end(nil)
		cancel(stopped)
		<-other.Done()
		if err := context.Cause(other); !errors.Is(err, stopped) || !errors.Is(p.over(), stopped) {
			t.Errorf("cancelled: %v, %v", err, p.over())
		}
		if p.pause(time.Hour) {
			t.Error("a pause after the end")
		}
	})
}
