package courier

import (
	"context"
	"testing"
	"time"

	"sealpost/shared/framing"
)

// The way back to a server that only stands by is tried ever more rarely.
func TestBackInVain(t *testing.T) {
	c := New(Config{Return: time.Second})
	defer c.Close()
	for _, step := range []struct {
		back, kept bool
		want       time.Duration
	}{
		{false, false, 1}, {true, false, 2}, {true, false, 4}, {false, false, 4}, {true, false, 8}, {true, false, 16},
		{true, false, 32}, {true, false, 32}, {true, true, 1}, {true, false, 2},
	} {
		s := &session{back: step.back, kept: step.kept}
		s.ctx, s.end = context.WithCancelCause(t.Context())
		c.current = s
		c.leave(s, &laterError{code: framing.CodeUnavailable})
		if got := c.backPause(); got != step.want*time.Second || s.ctx.Err() == nil {
			t.Errorf("%+v: a pause of %s; left: %v", step, got, s.ctx.Err())
		}
	}
}
