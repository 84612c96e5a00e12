package stream

import (
	"context"
	"errors"
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
	e, leader, err := r.fromLeader(ctx)
	if !errors.As(err, new(*GapError)) || r.stepped == r.next {
		return e, err
	}
	r.cfg.Log.Warn().Str("node", leader).Uint64("position", r.next).
		Msg("the leader lacks an entry of the stream: it must step down")
	if err := r.replace(ctx, leader); err != nil {
		return e, err
	}
	r.stepped = r.next
	e, _, err = r.fromLeader(ctx)
	return e, err
}

// fromLeader asks for the next entry. The error is a *GapError where the leader, whose
// name it returns, lacks it and has later ones, and a *TrimmedError where it has later
// ones alone.
func (r *reader) fromLeader(ctx context.Context) (e Entry, leader string, err error) {
	before, err := r.untrimmed(ctx)
	if err != nil {
		return e, "", err
	}
	e, err = r.Get(ctx, r.next)
	if !errors.Is(err, ErrNotFound) {
		return e, "", err
	}
	after, err := r.untrimmed(ctx)
	switch {
	case err != nil:
		return e, "", err
	case after.Leader != before.Leader:
		return e, "", errElected
	case after.Last < r.next:
		return e, "", errBehind
	}
	return e, after.Leader, &GapError{r.next}
}

// untrimmed is a *TrimmedError where the stream begins behind the next entry.
func (r *reader) untrimmed(ctx context.Context) (Info, error) {
	info, err := r.Info(ctx)
	if err == nil && info.First > r.next {
		err = &TrimmedError{info.First}
	}
	return info, err
}

// replace has a node step down, unless another one leads already: several servers may
// find the same gap, and the second must not have the good leader step down, too.
func (s *Stream) replace(ctx context.Context, leader string) error {
	info, err := s.Info(ctx)
	if err != nil || info.Leader != leader {
		return err
	}
	return s.stepDown(ctx, leader)
}
