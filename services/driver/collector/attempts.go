package collector

import (
	"context"

	"github.com/cenkalti/backoff/v5"
)

// pauses are those between attempts: each twice the one before, up to a bound.
func (c *collector) pauses() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: c.Backoff, Multiplier: 2, MaxInterval: c.Backoff << 6}
}

// overSession calls try until it returns nil or a backoff.Permanent error, or ctx
// ends: at first with s, and with a fresh session where there is none or the one at
// hand may be to blame. It returns the one to go on with, nil where there is none.
func (c *collector) overSession(
	ctx context.Context, s *session, pauses backoff.BackOff, try func(*session) error,
) (*session, error) {
	return backoff.Retry(ctx, func() (*session, error) {
		if s == nil {
			var err error
			if s, err = c.connect(ctx); err != nil {
				return nil, backoff.Permanent(err)
			}
		}
		err := try(s)
		if err != nil && !inStep(err) {
			s.drop()
			s = nil
		}
		return s, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
}
