package replicated

import (
	"errors"
	"fmt"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

// Retirer retires messages on all servers. What it is asked for itself is this server's
// volume's.
type Retirer struct {
	*retire.Retirer
	l *Logbook
}

// UnsettledError means that it is not known whether messages are retired: the order may be in
// the replicated log, and is carried out once it is read there.
type UnsettledError struct{ Cause error }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("it is not known yet whether the messages are retired; asked for again, those that are not "+
		"will be: %v", e.Cause)
}

func (e *UnsettledError) Unwrap() error { return e.Cause }

// errStopped is why nobody waits any more for an order.
var errStopped = errors.New("the server stops")

// Ready is nil when messages can be retired, else retire.ErrNotYet, or a logbook.ErrUnavailable
// with why this server keeps no messages.
func (r *Retirer) Ready() error {
	if reason := r.l.health.get(); reason != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, reason)
	}
	return r.Retirer.Ready()
}

// Work removes files, but not on a server that may be one of few that have read something else:
// there the error is a logbook.ErrUnavailable.
func (r *Retirer) Work(stop <-chan struct{}) (bytes uint64, err error) {
	if err := r.l.health.doubt(); err != nil {
		return 0, err
	}
	return r.Retirer.Work(stop)
}

// Retire has the numbers retired by all servers, and returns those that were not before, once
// this server has done it; the files of all of them go with the next call of Work. Stop ends
// the waiting. The error is a *retire.NotKeptError, a *retire.RangesError or Ready's, and then
// nothing has changed, or an *UnsettledError.
func (r *Retirer) Retire(which numbers.Set, stop <-chan struct{}) (fresh numbers.Set, err error) {
	for {
		if err := r.Ready(); err != nil {
			return numbers.Set{}, err
		}
		fresh, on, err := r.Plan(which)
		if err != nil || fresh.Empty() {
			return fresh, err
		}
		err = r.order(fresh, on, stop)
		switch {
		case err == nil:
			return fresh, nil
		case !errors.Is(err, retire.ErrOvertaken): // then it is tried on what the other order has left
			return numbers.Set{}, err
		}
	}
}

// order publishes an order and waits until this server has read it.
func (r *Retirer) order(which numbers.Set, on retire.Base, stop <-chan struct{}) error {
	h := entry.Header{
		Kind: entry.KindRetire, Attempt: message.NewID(), Retire: &entry.Retire{Serial: on.Serial, Sum: on.Sum},
	}
	came := make(chan error, 1)
	r.l.waiters.add(h, []byte(which.Join(",")), func(_ uint64, _ logbook.Facts, err error) { came <- err })
	err := errStopped
	select {
	case err = <-came:
	case <-stop:
	}
	if err == nil || errors.Is(err, logbook.ErrUnavailable) {
		return err
	}
	return &UnsettledError{err}
}

// retire carries out an order. The volume keeps all messages before it then, as that of who
// gave the order did.
func (p *passing) retire(step fold.Step) error {
	if err := p.window.wait(); err != nil {
		return err
	}
	if err := p.awaitCheckpoint(); err != nil {
		return err
	}
	fresh, err := p.Retirer.RetireOrdered(step.Numbers, retire.Base{Serial: step.Retire.Serial, Sum: step.Retire.Sum})
	switch {
	case errors.Is(err, retire.ErrOvertaken):
		p.waiters.void(ticketOf(step.Header), err)
		return nil
	case errors.As(err, new(*retire.RangesError)):
		p.voided(step, err)
		return nil
	case err != nil:
		return err
	}
	if asked := p.waiters.answer(ticketOf(step.Header), logbook.Facts{}, nil); !asked && !fresh.Empty() {
		trail.Mark(p.cfg.Local.Log.Info(), trail.MessagesRetired, trail.ByLog).Stringer("numbers", fresh).
			Uint64("messages", fresh.Count()).Str("server", message.Visible(step.Server)).
			Msg("messages retired by the replicated log")
	}
	return nil
}

// lookEvery is how soon it is seen that the first checkpoint is there.
const lookEvery = 20 * time.Millisecond

// awaitCheckpoint waits for the first checkpoint beside the manifest, which comes by itself.
func (p *passing) awaitCheckpoint() error {
	for {
		err := p.Retirer.Retirer.Ready()
		if !errors.Is(err, retire.ErrNotYet) {
			return err
		}
		select {
		case <-time.After(lookEvery):
		case <-p.ctx.Done():
			return err
		}
	}
}
