package trail

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rs/zerolog"
)

// Each step has a name of its own, which its line shows.
func TestSteps(t *testing.T) {
	seen := map[string]bool{}
	for _, step := range Steps() {
		name := step.String()
		if name == "" || seen[name] {
			t.Errorf("step %d is called %q", step, name)
		}
		seen[name] = true
		var out bytes.Buffer
		log := zerolog.New(&out)
		Mark(log.Info(), step, ByPolicy).Send()
		if want := `{"level":"info","audit":"` + name + `","by":"policy"}` + "\n"; out.String() != want {
			t.Errorf("%s, want %s", out.String(), want)
		}
	}
	if len(seen) != int(steps) {
		t.Errorf("%d steps of %d", len(seen), steps)
	}
	if got, want := steps.String(), fmt.Sprintf("step %d", steps); got != want {
		t.Errorf("a step that is none: %q", got)
	}
}
