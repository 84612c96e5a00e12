package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/manifest"
)

// finish takes a durable group to its end, and returns the next one, unless that
// was refused meanwhile. Nothing here can fail for good.
func (c *committer) finish(group, next []*Message) []*Message {
	lines := make([][]byte, len(group))
	for i, m := range group {
		lines[i] = m.line
	}
	named := 0
	var places []manifest.Place
	lap := c.cfg.Watch.start()
	for _, step := range []struct {
		Step
		do func() error
	}{
		{StepRename, func() (err error) { named, err = c.publish(group, named); return err }},
		{StepManifest, func() (err error) { places, err = c.Manifest.Append(lines); return err }},
		{StepTree, func() error { return c.Tree.Append(lines) }},
		{StepSignature, c.signer.signTree},
	} {
		if err := step.do(); err != nil {
			c.endAll(next, tryAgain(err))
			next = nil
			if !c.retry(step.String(), err, step.do) {
				c.abandon(group)
				return nil
			}
		}
		lap.end(step.Step)
	}
	c.cfg.Watch.Group(len(group))
	for i, m := range group {
		c.Index.Add(m.key(), places[i])
	}
	for _, m := range group {
		c.end(m, m.facts(), nil)
	}
	c.rotateWhenDue()
	return next
}

// publish gives the files of a group their final names, from one on, and returns how
// many have theirs.
func (c *committer) publish(group []*Message, from int) (int, error) {
	for i, m := range group[from:] {
		if err := c.Publish(m.file.Name, m.entry.File); err != nil {
			return from + i, err
		}
	}
	return len(group), nil
}

// retry repeats a failed step of a durable group until it succeeds; false means
// that the engine is being closed, and recovery will finish the step. Whoever
// waits behind the group is told to try again. Readiness stays red until heal has
// seen a fresh file flushed.
func (c *committer) retry(step string, err error, do func() error) bool {
	const what = "a durable group cannot be finished yet"
	c.say(zerolog.ErrorLevel, what).Err(err).Str("step", step).Msg(what)
	tick := time.NewTicker(c.cfg.RetryEvery)
	defer tick.Stop()
	for err != nil {
		c.health.turnRed(fmt.Errorf("%s: %w", step, err))
		c.endWaiting(tryAgain(err))
		select {
		case <-tick.C:
			err = do()
		case <-c.closing:
			return false
		}
	}
	return true
}

// tryAgain is for those who wait behind a group that cannot be finished: nothing
// of theirs is kept.
func tryAgain(cause error) error { return fmt.Errorf("%w: %w", logbook.ErrUnavailable, cause) }

// abandon answers a durable group that this process will not finish. Its record
// names the files, so they stay.
func (c *committer) abandon(group []*Message) {
	c.unfinished = true
	for _, m := range group {
		m.named = true
	}
	c.endAll(group, logbook.ErrUnknown)
}

func (c *committer) rotateWhenDue() {
	if c.Records.Size() < c.cfg.RotateAfter {
		return
	}
	if err := c.rotateRecords(); err != nil {
		c.health.turnRed(err)
		const what = "the records cannot be rotated"
		c.say(zerolog.ErrorLevel, what).Err(err).Msg(what)
	}
}

// errUnfinished guards a durable group that was left to recovery.
var errUnfinished = errors.New("a durable group is unfinished")

// rotateRecords replaces the records, and removes the files that only they may have
// named.
func (c *committer) rotateRecords() error {
	if c.unfinished {
		return errUnfinished
	}
	lap := c.cfg.Watch.start()
	if err := c.Rotate(c.cfg.RotateAfter); err != nil {
		return err
	}
	lap.end(StepRotation)
	for _, name := range c.orphans {
		_ = c.Volume.Remove(name)
	}
	c.orphans = nil
	return nil
}

// leaveNothing leaves the next start nothing to replay or to index.
func (c *committer) leaveNothing() error {
	if err := c.rotateRecords(); err != nil {
		return err
	}
	return errors.Join(c.writeCheckpoint(), c.Index.WriteAll(c.Manifest, c.Manifest.End()))
}
