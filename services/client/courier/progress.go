package courier

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoProgress is the cause of an UnknownError after the configured time.
var ErrNoProgress = errors.New("no progress for too long")

// progress ends its context when nothing has moved for the time allowed. What
// counts as movement is more of a message on its way than ever before: a server
// that takes connections and drops them must not hold a client for ever.
type progress struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	group  *progresses
	timer  *time.Timer // nil without a limit
	most   uint64
}

// progresses are those of one Courier. Messages share its connection, so the
// movement of one, a large one say, counts for those that wait behind it.
type progresses struct {
	limit time.Duration

	mu     sync.Mutex
	active map[*progress]struct{}
}

func (g *progresses) begin(parent context.Context) *progress {
	p := &progress{group: g}
	p.ctx, p.cancel = context.WithCancelCause(parent)
	if g.limit <= 0 {
		return p
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.timer = time.AfterFunc(g.limit, func() { p.cancel(ErrNoProgress) })
	g.active[p] = struct{}{}
	return p
}

// reached notes that n bytes of the message are on their way.
func (p *progress) reached(n uint64) {
	if p.timer == nil || n <= p.most {
		return
	}
	p.most = n
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	for other := range p.group.active {
		other.timer.Reset(p.group.limit)
	}
}

// pause waits for d; false means that the time allowed ended first.
func (p *progress) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

func (p *progress) stop() {
	if p.timer != nil {
		p.group.mu.Lock()
		delete(p.group.active, p)
		p.timer.Stop()
		p.group.mu.Unlock()
	}
	p.cancel(nil)
}
