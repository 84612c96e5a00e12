package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Register is one value that several programs read and replace, kept by a stream of its
// own, whose newest entry it is. Nobody replaces a value that it has not seen.
type Register struct{ *Stream }

// How many values a register keeps, the newest among them, for who has not heard whether one
// was set; and how large all may be.
const (
	keptValues    = 16
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

// OpenRegister connects to a register, as Connect does, and checks it. An error is a
// *ConnectError.
func OpenRegister(ctx context.Context, cfg Config) (*Register, error) {
	s, err := Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r := &Register{s}
	if err := r.Check(ctx); err != nil {
		s.Close()
		return nil, &ConnectError{Stream: cfg.Name, Err: err}
	}
	return r, nil
}

// Check looks at the settings and the nodes of a register, as Stream.Check does at those of
// a log.
func (r *Register) Check(ctx context.Context) error {
	found, err := find(ctx, r.js, r.cfg.Name)
	if err != nil {
		return err
	}
	got := found.CachedInfo().Config
	if err := compare(got, registerConfig(r.cfg.Name, max(got.Replicas, r.cfg.Replicas))); err != nil {
		return err
	}
	return r.checkNodes(ctx, infoOf(found.CachedInfo()))
}

// Value returns the value, and its revision, which grows with each one that is set. Only
// the leader is asked: others may not have the newest. Without a value the error is
// ErrNotFound.
func (r *Register) Value(ctx context.Context) (value []byte, revision uint64, err error) {
	m, err := ask(ctx, brief, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return r.held.GetLastMsgForSubject(ctx, r.subject)
	})
	err = named(err, jetstream.ErrMsgNotFound, ErrNotFound)
	r.answered(err)
	if err != nil {
		return nil, 0, err
	}
	return m.Data, m.Sequence, nil
}

// Set replaces the value of a revision, 0 where there is none, and tries until ctx ends. It
// returns the new value's revision. The value must be unlike all that others set. The error is
// ErrChanged, ErrTooLarge, or ErrUnknown: then Value shows, sooner or later, whether it was
// set.
func (r *Register) Set(ctx context.Context, value []byte, over uint64) (revision uint64, err error) {
	pauses := backoff.ExponentialBackOff{InitialInterval: 50 * time.Millisecond, Multiplier: 2, MaxInterval: time.Second}
	for tried := false; ; tried = true {
		err := r.set(ctx, value, over)
		if errors.Is(err, ErrChanged) && tried {
			err = r.settled(ctx, value, over)
		}
		if err == nil {
			return over + 1, nil // nothing else has a place in the stream
		}
		if !errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotFound) {
			return 0, err
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
			return 0, err
		}
	}
}

func (r *Register) set(ctx context.Context, value []byte, over uint64) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.AckWait)
	defer cancel()
	_, err := r.js.Publish(ctx, r.subject, value,
		jetstream.WithExpectStream(r.cfg.Name), jetstream.WithExpectLastSequencePerSubject(over))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %d bytes, and max_payload is %d", ErrTooLarge, len(value), r.conn.MaxPayload())
	case errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return ErrChanged
	}
	return unknown(err)
}

// settled tells what came of tries of which one may have set the value: it is in the stream
// behind the one that it replaced, or another one is. Once so many were set that neither is
// there, the error is also an ErrNotFound.
func (r *Register) settled(ctx context.Context, value []byte, over uint64) error {
	e, err := r.Get(ctx, over+1)
	switch {
	case err != nil:
		return unknown(err)
	case bytes.Equal(e.Data, value):
		return nil
	}
	return ErrChanged
}
