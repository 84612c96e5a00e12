package stream

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Read gives visit the entries behind a position, each once and in order, and waits for
// those that are not there yet, for ever. Nodes that die, elections and connections that
// end hold it up for seconds.
//
// It ends with visit's error, with the cause of ctx, with ErrClosed, or with a *GapError
// or *TrimmedError; everything else is tried again. Before a *GapError the leader was
// made to step down, unless all nodes have led in turn in the last minute. visit is called by the caller's goroutine
// and may take its time; the entry is its own.
func (s *Stream) Read(ctx context.Context, after uint64, visit func(Entry) error) error {
	r := &reader{Stream: s, next: after + 1, visit: visit}
	pauses := backoff.ExponentialBackOff{
		InitialInterval: 50 * time.Millisecond, Multiplier: 2, MaxInterval: askAgain / 2, RandomizationFactor: 0.5,
	}
	for {
		from := r.next
		err := r.follow(ctx)
		if last := r.lasting(ctx, err); last != nil {
			return last
		}
		r.cfg.Log.Debug().Err(err).Uint64("position", r.next).Msg("reading the stream through a new consumer")
		if r.next != from {
			pauses.Reset()
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
		}
	}
}

// reader is one call of Read. Only the caller's goroutine uses it.
type reader struct {
	*Stream
	visit func(Entry) error
	next  uint64 // position of the next entry
	node  string // that the present consumer is on
}

// give has an entry visited: the next one.
func (r *reader) give(e Entry) error {
	if err := r.visit(e); err != nil {
		return &visitError{err}
	}
	r.next = e.Position + 1
	return nil
}

// visitError is an error of visit.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }
func (e *visitError) Unwrap() error { return e.err }

// lasting returns the error that Read ends with, nil where it goes on after err.
func (r *reader) lasting(ctx context.Context, err error) error {
	var visiting *visitError
	switch {
	case errors.As(err, &visiting):
		return visiting.err
	case errors.As(err, new(*GapError)), errors.As(err, new(*TrimmedError)):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.conn.IsClosed():
		return ErrClosed
	}
	return nil
}
