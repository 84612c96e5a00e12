package stream

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Register is one value that several programs read and replace, kept by a stream of its
// own, whose newest entry it is. Nobody replaces a value that it has not seen.
type Register struct{ *Stream }

// How many values a register keeps, the newest among them, and how large all may be.
const (
	keptValues    = 64
	registerBytes = 64 << 20
)

// CreateRegister makes the stream of a register on as many nodes; 0: 3. One that exists is
// left as it is, as with Create.
func CreateRegister(ctx context.Context, cfg Config, replicas int) error {
	return create(ctx, cfg, registerConfig(cfg.Name, replicas))
}

func registerConfig(name string, replicas int) jetstream.StreamConfig {
	c := Settings{Replicas: replicas, MaxBytes: registerBytes}.config(name)
	c.Discard, c.MaxMsgs, c.DenyPurge = jetstream.DiscardOld, keptValues, true
	return c
}

// OpenRegister connects to a register, as Connect does, and looks at its settings. An
// error is a *ConnectError.
func OpenRegister(ctx context.Context, cfg Config) (*Register, error) {
	s, err := Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	got := s.held.CachedInfo().Config
	if err := compare(got, registerConfig(s.cfg.Name, max(got.Replicas, s.cfg.Replicas))); err != nil {
		s.Close()
		return nil, &ConnectError{Stream: cfg.Name, Err: err}
	}
	return &Register{s}, nil
}

// Value returns the value, and its revision, which grows with each one that is set. Only
// the leader is asked: others may not have the newest. Without a value the error is
// ErrNotFound.
func (r *Register) Value(ctx context.Context) (value []byte, revision uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	m, err := r.held.GetLastMsgForSubject(ctx, r.subject)
	if err != nil {
		return nil, 0, named(err, jetstream.ErrMsgNotFound, ErrNotFound)
	}
	return m.Data, m.Sequence, nil
}

// Set replaces the value of a revision, 0 where there is none, and tries until ctx ends.
// The value must be unlike all that others set. The error is ErrChanged, ErrTooLarge, or
// ErrUnknown: then Value shows, sooner or later, whether it was set.
func (r *Register) Set(ctx context.Context, value []byte, revision uint64) error {
	pauses := backoff.ExponentialBackOff{InitialInterval: 50 * time.Millisecond, Multiplier: 2, MaxInterval: time.Second}
	for tried := false; ; tried = true {
		err := r.set(ctx, value, revision)
		if errors.Is(err, ErrChanged) && tried {
			err = r.settled(ctx, value, revision)
		}
		if !errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotFound) {
			return err
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
			return err
		}
	}
}

func (r *Register) set(ctx context.Context, value []byte, revision uint64) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.AckWait)
	defer cancel()
	_, err := r.js.Publish(ctx, r.subject, value,
		jetstream.WithExpectStream(r.cfg.Name), jetstream.WithExpectLastSequencePerSubject(revision))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrTooLarge
	case errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return ErrChanged
	}
	return unknown(err)
}

// settled tells what came of tries of which one may have set the value: it is in the stream
// behind the one that it replaced, or another one is. Once so many were set that neither is
// there, the error is also an ErrNotFound.
func (r *Register) settled(ctx context.Context, value []byte, revision uint64) error {
	e, err := r.Get(ctx, revision+1)
	switch {
	case err != nil:
		return unknown(err)
	case bytes.Equal(e.Data, value):
		return nil
	}
	return ErrChanged
}
