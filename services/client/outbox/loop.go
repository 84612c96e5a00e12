package outbox

import (
	"context"
	"errors"
	"time"

	"sealpost/services/client/courier"
)

// loop looks for work and hands it out until nothing is left.
func (o *run) loop(ctx, until context.Context) error {
	checked := false
	for ctx.Err() == nil {
		found, err := o.scan()
		if err != nil {
			return err
		}
		idle := o.held.Load() == 0 // asked first: what ends meanwhile sets the time of the last movement
		late := o.late()
		if late { // of many that wait one is always due
			found.due = nil
		}
		if found.jobs() == 0 && !o.Watch && (found.waiting == 0 || late && idle) {
			return nil
		}
		if found.jobs() > 0 {
			if err := o.intact(); err != nil {
				return err
			}
		}
		if found.jobs() > 0 && !checked {
			// Before the first claim, so that the wrong server changes nothing here.
			if _, err := o.checkLogbook(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			checked = true
			o.progress()
		}
		o.handOut(ctx, until, found)
		if o.isHalted() {
			return nil
		}
		o.pause(ctx, found.jobs())
	}
	o.mu.Lock()
	o.outcome.Stopped = o.failure(ctx) == nil
	o.mu.Unlock()
	return nil
}

// handOut starts jobs as slots become free, until the run rests or ends. What
// was put off before comes last, and never takes more than some of the slots: an
// attempt may be long, and end as the one before.
func (o *run) handOut(ctx, until context.Context, found work) {
	for _, j := range found.fresh {
		if !o.start(ctx, until, j, func() {}) {
			return
		}
	}
	for _, j := range found.due {
		select {
		case o.again <- struct{}{}:
		default:
			return
		}
		if !o.start(ctx, until, j, func() { <-o.again }) {
			return
		}
	}
}

// start waits for a slot and does a job in it. false means that the run rests or
// ends. ended is called in any case.
func (o *run) start(ctx, until context.Context, j job, ended func()) bool {
	select {
	case o.slots <- struct{}{}:
	case <-ctx.Done():
		ended()
		return false
	}
	if ctx.Err() != nil || o.isHalted() || o.rest() > 0 {
		<-o.slots
		ended()
		return false
	}
	o.inFlight.Go(func() {
		settled := o.do(until, j)
		<-o.slots
		ended()
		if settled {
			o.lookAgain()
		}
	})
	return true
}

// do settles one job. It returns false where another client has the file or the
// claim, or it was put off.
func (o *run) do(ctx context.Context, j job) bool {
	var c *claim
	var err error
	if j.name != "" {
		c, err = o.claim(j.name)
	} else {
		c, err = o.takeOver(j.id)
	}
	switch {
	case errors.As(err, new(*ClaimError)) && o.intact() == nil:
		o.leave(j, Left{Name: j.name, Err: err}, !o.Watch)
		return false
	case err != nil:
		o.failed(err)
		return false
	case c == nil:
		return false
	}
	defer c.release()
	// It may have been put off since the scan that found it. With its lock held
	// nobody can do so any more.
	if putOff, due := o.later.state(c.job()); putOff && !due {
		return false
	}
	o.held.Add(1)
	defer o.held.Add(-1)
	o.settle(ctx, c)
	return true
}

func (o *run) lookAgain() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// pause waits for something to change. What other clients do is noticed only by
// polling.
func (o *run) pause(ctx context.Context, jobs int) {
	timer := time.NewTimer(o.poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-o.wake:
	case <-timer.C:
		if jobs > 0 && o.held.Load() == 0 && !o.waiting && !o.Watch {
			o.waiting = true
			o.Log.Info().Int("messages", jobs).Msg("waiting for other clients, or for files that are being written")
		}
	}
}

// rest returns how long the next file is still left to others.
func (o *run) rest() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Until(o.restUntil)
}

func (o *run) isHalted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.halted
}

// unknown leaves a message whose fate is not known. Where nothing else came
// through meanwhile the server is away, and starting more would only wait once
// more for each.
func (o *run) unknown(c *claim, sentBefore int, cause error) {
	var typed *courier.UnknownError
	if !errors.As(cause, &typed) {
		cause = &courier.UnknownError{ID: c.id, Cause: cause}
	}
	o.leaveClaim(c, cause, false)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.outcome.Sent == sentBefore && !o.Watch {
		o.halted = true
	}
}

func (o *run) sentSoFar() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.outcome.Sent
}
