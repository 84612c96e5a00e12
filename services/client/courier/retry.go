package courier

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/rs/zerolog"

	"sealpost/shared/framing"
)

// pauses are those between attempts: 25 to 50 ms, doubling to 2.5 to 5 s. They
// are random so that many clients do not come as one.
func pauses() backoff.ExponentialBackOff {
	return backoff.ExponentialBackOff{
		InitialInterval: 37500 * time.Microsecond, Multiplier: 2, MaxInterval: 3750 * time.Millisecond,
		RandomizationFactor: 1. / 3,
	}
}

// retry calls do with a live session until it succeeds, fails for good, or
// nothing has moved for too long.
func (c *Courier) retry(ctx context.Context, do func(*progress, *session) error) error {
	p := c.movements.watch(ctx)
	defer p.stop()
	for pauses := pauses(); ; {
		s, err := c.session(p.ctx)
		if err == nil {
			err = do(p, s)
		}
		c.leave(s, err)
		if err == nil || lasting(err) {
			return err
		}
		if p.ctx.Err() == nil {
			pause := pauses.NextBackOff()
			c.cfg.Log.Debug().Err(err).Dur("pause", pause).Msg("trying again")
			select {
			case <-time.After(pause):
				continue
			case <-p.ctx.Done():
			}
		}
		return errors.Join(context.Cause(p.ctx), err)
	}
}

// leave gives up a connection to a server that asks to try again later: behind
// the same name there may be another one that is ready, as when several share a
// volume.
func (c *Courier) leave(s *session, err error) {
	var later *laterError
	if !errors.As(err, &later) || errors.As(err, new(*PostponedError)) && later.code == framing.CodeNoSpace {
		return // a lack of room is about this message: smaller ones go on here
	}
	c.mu.Lock()
	if c.current == s {
		c.current = nil
	}
	c.mu.Unlock()
	s.retire()
}

// movements are those of one Courier. Messages share its connection, so the
// movement of one, a large one say, counts for those that wait behind it.
type movements struct {
	limit time.Duration // the longest time without one; 0: for ever

	mu   sync.Mutex
	last time.Time
}

// progress is that of one delivery. What counts as movement is more of a message
// on its way than ever before: a server that takes connections and drops them
// must not hold a client for ever.
type progress struct {
	ctx    context.Context // the caller's, cancelled with ErrNoProgress when nothing moves for too long
	cancel context.CancelCauseFunc
	all    *movements
	began  time.Time
	timer  *time.Timer // nil: without a limit
	most   uint64      // bytes; guarded by all.mu
}

// watch begins a delivery; stop must be called.
func (v *movements) watch(ctx context.Context) *progress {
	p := &progress{ctx: ctx, all: v}
	if v.limit > 0 {
		p.ctx, p.cancel = context.WithCancelCause(ctx)
		p.began = time.Now()
		v.mu.Lock() // watchdog uses p.timer
		defer v.mu.Unlock()
		p.timer = time.AfterFunc(v.limit, p.watchdog)
	}
	return p
}

func (p *progress) stop() {
	if p.timer != nil {
		p.cancel(nil)
		p.timer.Stop()
	}
}

// watchdog is called by the timer, which is not reset whenever something moves:
// that would be the timers of all deliveries each time.
func (p *progress) watchdog() {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	left := p.all.limit - min(time.Since(p.began), time.Since(p.all.last))
	switch {
	case left <= 0:
		p.cancel(ErrNoProgress)
	case p.ctx.Err() == nil:
		p.timer.Reset(left)
	}
}

// reached notes that n bytes of the message were on their way at a time.
func (p *progress) reached(n uint64, at time.Time) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if n > p.most {
		p.most, p.all.last = n, at
	}
}

// maxBroken is how many connections may end under one message before it is
// postponed. A server that restarts ends one.
const maxBroken = 3

// attempts are those of one delivery. Its errors are looked at one by one.
type attempts struct {
	log    *zerolog.Logger
	m      Message
	broken int
	said   string // the reason logged last
}

// failed returns the error of an attempt that ended in err on a live connection:
// a *PostponedError when the message is to be postponed. One that goes on being
// tried is named in the log when the reason changes.
func (a *attempts) failed(err error) error {
	reason := Reason(err)
	if !a.m.Postpone {
		if reason != a.said {
			a.said = reason
			a.log.Warn().Stringer("id", a.m.ID).Str("reason", reason).Msg("not taken for now, trying again")
		}
		return err
	}
	a.broken++
	if errors.As(err, new(*laterError)) || a.broken >= maxBroken {
		return &PostponedError{ID: a.m.ID, Reason: reason, Cause: err}
	}
	return err
}
