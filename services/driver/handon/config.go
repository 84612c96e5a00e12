package handon

import (
	"cmp"
	"context"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/hook"
)

// Config says what is handed on from where to where. Zero numbers stand for the
// defaults named beside them.
type Config struct {
	Dir      string    // the output directory
	Messages string    // directory for the messages alone, made if missing; empty: none
	Hook     hook.Hook // nil: none
	GiveUp   time.Duration
	// Attempts is how often a message is tried before the rest is left to the next
	// run; 0: as often as it takes, as there is no next run soon.
	Attempts int
	// OwedEvery is how often what is owed is tried besides the end, 0: not.
	OwedEvery time.Duration
	// Signed says that Allow must be called before anything is handed on.
	Signed bool
	Log    zerolog.Logger

	Grace time.Duration // for a hook under way when the program is ended, 5 s
	// For tests; by default those of package time. Pause returns early once stop is
	// closed or ctx is over.
	Now   func() time.Time
	Pause func(ctx context.Context, stop <-chan struct{}, d time.Duration)
}

func (c Config) withDefaults() Config {
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pause == nil {
		c.Pause = pause
	}
	return c
}

func pause(ctx context.Context, stop <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-stop:
	case <-timer.C:
	}
}
