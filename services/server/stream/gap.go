package stream

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// errBehind is for a leader that has not caught up with the node of a consumer.
	errBehind = errors.New("the leader does not have the entry yet")
	// errElected is for an answer of which nobody knows who gave it.
	errElected = errors.New("another node leads meanwhile")
)

// missing returns the next entry from the leader. Where that one lacks it another node
// has to lead.
func (r *reader) missing(ctx context.Context) (Entry, error) {
	e, info, err := r.fromLeader(ctx)
	if !errors.As(err, new(*GapError)) || !r.gap.turn(r.next, len(info.Peers)) {
		return e, err
	}
	r.cfg.Log.Warn().Str("node", info.Leader).Uint64("position", r.next).
		Msg("the leader lacks an entry of the stream: it must step down")
	if err := r.StepDown(ctx, info.Leader); err != nil {
		return e, err
	}
	e, _, err = r.fromLeader(ctx)
	return e, err
}

// gap is the entry that leaders were last made to step down for.
type gap struct {
	mu       sync.Mutex
	position uint64
	turns    Turns
}

// turn reports whether one more leader may be made to step down for an entry.
func (g *gap) turn(position uint64, others int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if position != g.position {
		g.position = position
		g.turns.Reset()
	}
	return g.turns.Take(time.Now(), others)
}

// fromLeader asks for the next entry. The error is a *GapError where the leader, of which
// it tells then, lacks it and has later ones, and a *TrimmedError where it has later ones
// alone.
func (r *reader) fromLeader(ctx context.Context) (e Entry, info Info, err error) {
	before, err := r.untrimmed(ctx)
	if err != nil {
		return e, info, err
	}
	e, err = r.Get(ctx, r.next)
	if !errors.Is(err, ErrNotFound) {
		return e, info, err
	}
	info, err = r.untrimmed(ctx)
	switch {
	case err != nil:
		return e, info, err
	case info.Leader != before.Leader:
		return e, info, errElected
	case info.Last < r.next:
		return e, info, errBehind
	}
	return e, info, &GapError{r.next}
}

// untrimmed is a *TrimmedError where the stream begins behind the next entry.
func (r *reader) untrimmed(ctx context.Context) (Info, error) {
	info, err := r.Info(ctx)
	if err == nil && info.First > r.next {
		err = &TrimmedError{info.First}
	}
	return info, err
}
