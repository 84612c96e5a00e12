package courier

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoProgress is the cause of an UnknownError after the configured time.
var ErrNoProgress = errors.New("no progress for too long")

// progress is late when nothing has moved for the time allowed. What counts as
// movement is more of a message on its way than ever before: a server that
// takes connections and drops them must not hold a client for ever.
type progress struct {
	ctx   context.Context // the caller's
	late  chan struct{}   // closed when it is late; nil without a limit
	group *progresses
	began time.Time
	most  uint64 // guarded by the group's mu
}

// progresses are those of one Courier. Messages share its connection, so the
// movement of one, a large one say, counts for those that wait behind it. They
// share a timer too, which looks at all of them when it fires: to set one for
// each whenever something moves would cost each message as much as all of them.
type progresses struct {
	limit time.Duration

	mu     sync.Mutex
	active map[*progress]struct{}
	moved  time.Time // when something moved last
	timer  *time.Timer
	armed  bool // timer runs; it fires no later than the first of active can be late
}

func newProgresses(limit time.Duration) *progresses {
	g := &progresses{limit: limit, active: make(map[*progress]struct{})}
	if limit > 0 {
		g.timer = time.AfterFunc(limit, g.look)
		g.timer.Stop()
	}
	return g
}

func (g *progresses) begin(ctx context.Context) *progress {
	p := &progress{ctx: ctx, group: g}
	if g.limit <= 0 {
		return p
	}
	p.late, p.began = make(chan struct{}), time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active[p] = struct{}{}
	g.arm(g.limit)
	return p
}

// arm is called with mu held.
func (g *progresses) arm(d time.Duration) {
	if !g.armed {
		g.armed = true
		g.timer.Reset(d)
	}
}

// look ends those that are late, and is called again when the next one can be.
func (g *progresses) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, next := time.Now(), g.limit
	for p := range g.active {
		left := g.limit - now.Sub(latest(p.began, g.moved))
		if left <= 0 {
			close(p.late)
			delete(g.active, p)
			continue
		}
		next = min(next, left)
	}
	g.armed = false
	if len(g.active) > 0 {
		g.arm(next)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// reached notes that n bytes of the message were on their way at a time.
func (p *progress) reached(n uint64, at time.Time) {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	if n > p.most {
		p.most, p.group.moved = n, at
	}
}

// over returns why the delivery must end; nil while it may go on.
func (p *progress) over() error {
	if p.late != nil && isClosed(p.late) {
		return ErrNoProgress
	}
	return context.Cause(p.ctx)
}

// context returns the caller's context, ended as well when p is late, for what
// takes one. cancel must be called.
func (p *progress) context() (ctx context.Context, cancel context.CancelCauseFunc) {
	ctx, cancel = context.WithCancelCause(p.ctx)
	go func() {
		select {
		case <-p.late:
			cancel(ErrNoProgress)
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// pause waits for d; false means that the delivery must end before.
func (p *progress) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.late:
	case <-p.ctx.Done():
	}
	return false
}

func (p *progress) stop() {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	delete(p.group.active, p)
}
