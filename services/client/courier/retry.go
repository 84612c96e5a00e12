package courier

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/rs/zerolog"

	"sealpost/shared/framing"
	"sealpost/shared/message"
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
	pauses := pauses()
	for tries := 1; ; tries++ {
		s, err := c.session(p.ctx)
		if err == nil {
			err = do(p, s)
		}
		left := c.leave(s, err)
		if err == nil || lasting(err) {
			return err
		}
		if left && tries%len(c.cfg.Servers) != 0 && p.ctx.Err() == nil {
			continue // at the next server
		}
		if p.ctx.Err() == nil {
			pause := max(pauses.NextBackOff(), time.Until(untilOf(err)))
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

// untilOf returns when the server wants to see a message again, zero where it did not say.
func untilOf(err error) time.Time {
	var later *laterError
	if errors.As(err, &later) {
		return later.until
	}
	return time.Time{}
}

// leave gives up a connection that ended under a message, or whose server asks to try
// again later: another one may be ready, as when several share a volume. It reports
// whether it did.
func (c *Courier) leave(s *session, err error) bool {
	if s == nil || err == nil || s.ctx.Err() == nil && !elsewhere(err) {
		return false
	}
	c.mu.Lock()
	if c.current == s {
		c.current, c.failed = nil, s.target
		c.leftAfter(s)
	}
	c.mu.Unlock()
	s.retire()
	return true
}

// elsewhere reports whether a server asks to try again later for another reason than
// one that is about this message: then others go on here.
func elsewhere(err error) bool {
	var later *laterError
	if !errors.As(err, &later) {
		return false
	}
	switch later.code {
	case framing.CodePartSpoiled, framing.CodeOverQuota:
		return false
	case framing.CodeNoSpace:
		return !errors.As(err, new(*PostponedError))
	}
	return true
}

// movements are those of one Courier. Messages share its connection, so the
// movement of one, a large one say, counts for those that wait behind it. One
// timer watches all deliveries: one each took up to a twentieth of the client's
// processor time for small messages.
type movements struct {
	limit time.Duration // the longest time without one; 0: for ever

	mu      sync.Mutex
	last    time.Time
	watched map[*progress]struct{}
	timer   *time.Timer // nil before the first delivery
	armed   bool        // the timer runs
}

// progress is that of one delivery. What counts as movement is more of a message
// on its way than ever before: a server that takes connections and drops them
// must not hold a client for ever.
type progress struct {
	ctx    context.Context // the caller's, cancelled with ErrNoProgress when nothing moves for too long
	cancel context.CancelCauseFunc
	all    *movements
	began  time.Time
	most   uint64 // bytes; guarded by all.mu
}

// watch begins a delivery; stop must be called.
func (v *movements) watch(ctx context.Context) *progress {
	p := &progress{ctx: ctx, all: v}
	if v.limit > 0 {
		p.ctx, p.cancel = context.WithCancelCause(ctx)
		p.began = time.Now()
		v.add(p)
	}
	return p
}

func (v *movements) add(p *progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.watched == nil {
		v.watched = make(map[*progress]struct{})
	}
	v.watched[p] = struct{}{}
	v.arm(v.limit)
}

// arm starts the timer, unless it runs already. mu is held.
func (v *movements) arm(after time.Duration) {
	switch {
	case v.armed:
		return
	case v.timer == nil:
		v.timer = time.AfterFunc(after, v.watchdog)
	default:
		v.timer.Reset(after)
	}
	v.armed = true
}

func (p *progress) stop() {
	if p.cancel == nil {
		return
	}
	p.cancel(nil)
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	delete(p.all.watched, p)
}

// watchdog ends the deliveries that are late, and looks again when the next of
// them may be.
func (v *movements) watchdog() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.armed = false
	next := v.limit
	for p := range v.watched {
		left := v.limit - min(time.Since(p.began), time.Since(v.last))
		if left <= 0 {
			p.cancel(ErrNoProgress)
			delete(v.watched, p)
			continue
		}
		next = min(next, left)
	}
	if len(v.watched) > 0 {
		v.arm(next)
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
	log     *zerolog.Logger
	m       Message
	timeout time.Duration // of the Courier
	others  int           // servers that were not asked yet
	broken  int
	said    string // the reason logged last
}

// failed returns the error of an attempt that ended in err on a live connection:
// a *PostponedError when the message is to be postponed. One that goes on being
// tried is named in the log when the reason changes.
func (a *attempts) failed(err error) error {
	reason := Reason(err)
	until := untilOf(err)
	if !a.m.Postpone && a.timeout > 0 && time.Until(until) > a.timeout {
		return &PostponedError{ID: a.m.ID, Reason: reason, Until: until, Cause: err} // to wait is in vain
	}
	if !a.m.Postpone {
		if reason != a.said {
			a.said = reason
			a.log.Warn().Stringer("id", a.m.ID).Str("name", message.Visible(a.m.Name)).Str("reason", reason).
				Msg("not taken for now, trying again")
		}
		return err
	}
	if a.others > 0 && elsewhere(err) {
		a.others--
		return err
	}
	a.broken++
	var later *laterError
	again := errors.As(err, &later) && later.code == framing.CodePartSpoiled // whole, as the first time
	if later != nil && !again || a.broken >= maxBroken {
		return &PostponedError{ID: a.m.ID, Reason: reason, Until: until, Cause: err}
	}
	return err
}
