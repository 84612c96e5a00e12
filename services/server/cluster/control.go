package cluster

import (
	"context"
	"errors"
	"fmt"

	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/message"
)

// control is the replicated log as a command reads and writes it, beside the servers.
type control struct {
	log    replicated.StreamLog
	key    entry.Key
	server string
	now    fold.State // what it came to when it was last read
}

// errElsewhere means that what the log came to is not known here.
var errElsewhere = errors.New("the replicated log begins behind what is known here: " +
	"give the command where the log volume of a server is that is ready")

// control reads the log to its end, from where the log volume in dir is, or from its
// beginning.
func (c *Cluster) control(ctx context.Context, logbookID, dir string) (*control, error) {
	secret, err := c.key.Secret(logPurpose)
	if err != nil {
		return nil, err
	}
	from, err := replicated.StateOn(dir)
	if err != nil {
		return nil, err
	}
	log, err := c.log(ctx, logbookID)
	if err != nil {
		return nil, err
	}
	t := &control{
		log: replicated.StreamLog{Stream: log}, key: entry.NewKey(secret, logbookID), server: c.cfg.ClusterName, now: from,
	}
	if err := t.catchUp(ctx); err != nil {
		log.Close()
		return nil, err
	}
	return t, nil
}

func (t *control) close() { t.log.Close() }

// catchUp reads on to where the log ends now.
func (t *control) catchUp(ctx context.Context) error {
	info, err := t.log.Info(ctx)
	if err != nil {
		return err
	}
	if t.now.Position > info.Last { // of another log, or this one has lost what the volume has read
		t.now = fold.State{}
	}
	if info.First > t.now.Position+1 {
		return errElsewhere
	}
	return t.readTo(ctx, info.Last, func(fold.Step) {})
}

// readTo reads on up to a position, and gives each step to visit.
func (t *control) readTo(ctx context.Context, last uint64, visit func(fold.Step)) error {
	if t.now.Position >= last { // this build may lack the zone of the log, and need not have it
		return nil
	}
	f, err := fold.New(t.key, t.server, t.now)
	if err != nil {
		return err
	}
	err = replicated.ReadTo(ctx, t.log, t.now.Position, last, func(e fold.Entry) error {
		step, err := f.Take(e)
		if err == nil {
			visit(step)
		}
		return err
	})
	if err == nil {
		t.now = f.State()
	}
	return err
}

// tries is how often an entry is published that others overtake.
const tries = 8

// VoidError means that the servers do not take an entry.
type VoidError struct{ Err error }

func (e *VoidError) Error() string { return fmt.Sprintf("the servers do not take it: %v", e.Err) }

// Unwrap returns the cause.
func (e *VoidError) Unwrap() error { return e.Err }

// publish adds an entry that rests on what was read, and returns once it is seen to count.
// Where another one came before it what is asks for is published again.
func (t *control) publish(ctx context.Context, asks func(fold.State) *entry.Header) error {
	for try := 1; ; try++ {
		h := asks(t.now)
		if h == nil { // it is so already
			return nil
		}
		void, err := t.publishOnce(ctx, *h)
		if err != nil || void == nil {
			return err
		}
		if try == tries {
			return &VoidError{void}
		}
	}
}

// publishOnce returns why the entry does not count; nil: it does.
func (t *control) publishOnce(ctx context.Context, h entry.Header) (void, err error) {
	h.Server, h.Attempt = t.server, message.NewID()
	h.Seen = entry.Seen{Position: t.now.Position, Chain: t.now.Chain}
	data, err := t.key.Seal(h, nil)
	if err != nil {
		return nil, err
	}
	at, err := replicated.Append(ctx, t.log, data)
	if err != nil {
		return nil, err
	}
	err = t.readTo(ctx, at, func(s fold.Step) {
		if s.Position == at {
			void = s.Void
		}
	})
	return void, err
}
