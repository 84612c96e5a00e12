package outbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// job is one thing to try: a claim to take over if its holder is dead, or a
// file to claim.
type job struct {
	id   message.ID
	name string // "" for a claim
}

// loop looks for work and hands it out until nothing is left.
func (o *run) loop(ctx, work context.Context) error {
	checked := false
	for ctx.Err() == nil {
		jobs, err := o.scan()
		if err != nil {
			return err
		}
		if len(jobs) == 0 && !o.Watch {
			return nil
		}
		if len(jobs) > 0 && !checked {
			// Before the first claim, so that the wrong server changes nothing here.
			if _, err := o.checkLogbook(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			checked = true
		}
		o.handOut(ctx, work, jobs)
		if o.isHalted() {
			return nil
		}
		o.pause(ctx, len(jobs))
	}
	o.mu.Lock()
	o.outcome.Stopped = o.failure(ctx) == nil
	o.mu.Unlock()
	return nil
}

// scan lists what could be done now. The files come from a look at DIR before
// the look at .sending: a file only moves forward, so none is missed between.
func (o *run) scan() ([]job, error) {
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	claims, err := o.claims()
	if err != nil {
		return nil, err
	}
	return append(claims, files...), nil
}

func (o *run) files() ([]job, error) {
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			jobs = append(jobs, job{name: e.Name()})
		}
	}
	return jobs, nil
}

func (o *run) claims() ([]job, error) {
	entries, err := os.ReadDir(o.path(sendingDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var jobs []job
	for _, e := range entries {
		id, err := message.ParseID(e.Name())
		if err == nil && e.IsDir() && !o.leftAlone(id) {
			jobs = append(jobs, job{id: id})
		}
	}
	return jobs, nil
}

// handOut starts jobs as slots become free, until the run rests or ends.
func (o *run) handOut(ctx, work context.Context, jobs []job) {
	for _, j := range jobs {
		select {
		case o.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil || o.isHalted() || o.rest() > 0 {
			<-o.slots
			return
		}
		o.inFlight.Go(func() {
			settled := o.do(work, j)
			<-o.slots
			if settled {
				o.lookAgain()
			}
		})
	}
}

// do reports whether it settled something, as against finding the file or the
// claim in other hands.
func (o *run) do(ctx context.Context, j job) bool {
	var c *claim
	var err error
	if j.name != "" {
		c, err = o.claim(j.name)
	} else {
		c, err = o.takeOver(j.id)
	}
	switch {
	case err != nil:
		o.fail(err)
		return false
	case c == nil:
		return false
	}
	defer c.release()
	// It may have been left between the look around that found it and now; with
	// its lock in hand this is certain.
	if o.leftAlone(c.id) {
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

// pause waits for something to change. Other clients' work shows only when one
// looks.
func (o *run) pause(ctx context.Context, jobs int) {
	timer := time.NewTimer(o.poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-o.wake:
	case <-timer.C:
		if jobs > 0 && o.held.Load() == 0 && !o.waiting && !o.Watch {
			o.waiting = true
			o.Log.Info().Int("messages", jobs).Msg("waiting for other clients")
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

// leave keeps a message in .sending for a later run, or with Watch for a later try.
func (o *run) leave(c *claim, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var until time.Time
	if o.Watch {
		until = time.Now().Add(o.retry)
	} else {
		o.outcome.Left = append(o.outcome.Left, Left{ID: c.id, Name: c.name, Err: cause})
	}
	o.left[c.id] = until
	o.Log.Warn().Err(cause).Stringer("id", c.id).Str("name", message.Visible(c.name)).Msg("message left in the outbox")
}

func (o *run) leftAlone(id message.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	until, ok := o.left[id]
	if ok && !until.IsZero() && time.Now().After(until) {
		delete(o.left, id)
		return false
	}
	return ok
}

// unknown leaves a message whose fate is not known. Where nothing else came
// through meanwhile the server is away, and starting more would only wait once
// more for each.
func (o *run) unknown(c *claim, sentBefore int, cause error) {
	var typed *courier.UnknownError
	if !errors.As(cause, &typed) {
		cause = &courier.UnknownError{ID: c.id, Cause: cause}
	}
	o.leave(c, cause)
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
