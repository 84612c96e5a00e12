package stream

import (
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	var turns Turns
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	take := func(when string, want ...bool) {
		t.Helper()
		for i, w := range want {
			if got := turns.Take(now, 2); got != w {
				t.Errorf("%s, turn %d: %v", when, i, got)
			}
		}
	}
	take("at first", true, true, false, false)
	turns.Reset()
	take("for another reason", true, true, false)
	now = now.Add(turnsAgain)
	take("within the time", false)
	now = now.Add(1)
	take("after it", true)
	now = now.Add(turnsAgain)
	take("the second one late", true, false)
	if turns.Take(now.Add(time.Hour), 0) {
		t.Error("a node alone had to step down")
	}
}
