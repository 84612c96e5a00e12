package replicated

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sealpost/services/server/logbook/replicated/fold"
)

// A state is written once the volume keeps all before it, and none behind a failure.
func TestWindow(t *testing.T) {
	w := new(window)
	due := func(want ...uint64) {
		t.Helper()
		var got []uint64
		for _, state := range w.due() {
			got = append(got, state.Position)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the states of %d may be written, want %d", got, want)
		}
	}
	w.mark(fold.State{Position: 1})
	due(1)
	due()
	two, three := w.begin(2, time.Time{}), w.begin(3, time.Time{})
	w.mark(fold.State{Position: 2})
	w.mark(fold.State{Position: 3})
	four := w.begin(4, time.Time{})
	w.mark(fold.State{Position: 5})
	due()
	w.end(three, nil)
	due()
	w.end(two, nil)
	due(2, 3)
	failed := errors.New("not kept")
	w.end(four, failed)
	due()
	if err := w.wait(); !errors.Is(err, failed) {
		t.Errorf("the end is %v", err)
	}
}
