package replicated

import (
	"errors"
	"testing"

	"sealpost/services/server/logbook/replicated/fold"
)

// A state is written once the volume keeps all before it, and none behind a failure.
func TestWindow(t *testing.T) {
	w := new(window)
	due := func(want uint64) {
		t.Helper()
		if state, some := w.due(); some != (want > 0) || state.Position != want {
			t.Errorf("the state of %d may be written, %v", state.Position, some)
		}
	}
	w.mark(fold.State{Position: 1})
	due(1)
	due(0)
	two, three := w.begin(2), w.begin(3)
	w.mark(fold.State{Position: 3})
	four := w.begin(4)
	w.mark(fold.State{Position: 5})
	due(0)
	w.end(three, nil)
	due(0)
	w.end(two, nil)
	due(3)
	failed := errors.New("not kept")
	w.end(four, failed)
	due(0)
	if err := w.wait(); !errors.Is(err, failed) {
		t.Errorf("the end is %v", err)
	}
}
