package quota

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"sealpost/services/server/logbook"
)

// mostPause is how long a message waits for its sender's rate. To wait costs less than
// to refuse; longer than this a peer might think that the server is gone.
const mostPause = 5 * time.Second

// pace waits for the sender's turn, or refuses at once where that is far.
func (q *Quotas) pace(ctx context.Context, sender string, perSecond float64) error {
	now := q.now()
	turn := q.limiter(sender, perSecond, now).ReserveN(now, 1)
	after := turn.DelayFrom(now)
	if after == 0 {
		return nil
	}
	if after > mostPause {
		turn.CancelAt(now)
		return &OverError{after, fmt.Sprintf("%g messages a second may be sent", perSecond)}
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.CancelAt(now)
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, context.Cause(ctx))
	}
}

// limiter returns the bucket of a sender, which holds as much as comes in a second.
func (q *Quotas) limiter(sender string, perSecond float64, now time.Time) *rate.Limiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	limit, burst := rate.Limit(perSecond), int(math.Ceil(perSecond))
	l := q.rates[sender]
	if l == nil {
		l = rate.NewLimiter(limit, burst)
		q.rates[sender] = l
	}
	if l.Limit() != limit {
		l.SetLimitAt(now, limit)
		l.SetBurstAt(now, burst)
	}
	return l
}
