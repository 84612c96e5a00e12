package replicated

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/stream"
	"sealpost/shared/message"
)

// deafLog takes entries and never has them. It says so after a while, or nothing.
type deafLog struct {
	Log
	began time.Time
	after time.Duration
	says  error
	at    []time.Duration // when something was published
}

func (l *deafLog) Publish(_ []byte, done func(uint64, error)) {
	l.at = append(l.at, time.Since(l.began))
	time.AfterFunc(l.after, func() { done(0, l.says) })
}

// A way that is slow gets full of copies where they come at an even pace. A log that has no
// leader takes nothing, and is tried as often as before.
func TestPaceOfPublishing(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		after time.Duration
		says  error
		want  []time.Duration
	}{
		"silence": {
			2 * s, errors.Join(stream.ErrUnknown, stream.ErrUnacknowledged),
			[]time.Duration{0, 5 * s / 2, 7 * s, 31 * s / 2},
		},
		"no leader": {s / 10, stream.ErrUnknown, evenly(s/2, 61*s/2)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &deafLog{began: time.Now(), after: test.after, says: test.says}
				l := &Logbook{cfg: Config{Log: log}.withDefaults(), key: testKey}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l.ctx, l.waiters = ctx, newWaiters(l)
				heard := make(chan error, 1)
				go l.waiters.run()
				h := entry.Header{Kind: entry.KindRetire, Attempt: message.NewID(), Retire: new(entry.Retire)}
				l.waiters.add(h, nil, func(_ uint64, _ logbook.Facts, err error) { heard <- err })
				if err := <-heard; !errors.Is(err, logbook.ErrUnknown) {
					t.Errorf("heard %v", err)
				}
				if !slices.Equal(log.at, test.want) {
					t.Errorf("published at %v, want %v", log.at, test.want)
				}
			})
		})
	}
}

func evenly(every, upTo time.Duration) (at []time.Duration) {
	for next := time.Duration(0); next < upTo; next += every {
		at = append(at, next)
	}
	return at
}
