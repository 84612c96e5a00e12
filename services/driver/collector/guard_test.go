package collector

import (
	"testing"
	"time"
)

// A server that sends a byte within every timeout must not hold a step open.
func TestStepEndsThoughBytesKeepComing(t *testing.T) {
	g := &guard{timeout: time.Hour}
	g.begin(time.Minute)
	end := g.stepEnd
	if got := g.deadline(); got != end {
		t.Errorf("deadline %v, want the end of the step %v", got, end)
	}
	g.begin(10 * time.Hour)
	if got := g.deadline(); !got.Before(g.stepEnd) {
		t.Errorf("deadline %v is as late as the end of the step", got)
	}
}
