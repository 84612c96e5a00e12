package local

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"sealpost/services/server/logbook"
)

// ready brings messages to where they can be committed: repeats are answered,
// those whose own id is being committed wait for it, all others are in their
// files and are returned.
func (l *Logbook) ready(came []*staged, most int) []*staged {
	return l.write(l.settleRepeats(came, most))
}

// settleRepeats answers what is kept already and sets aside what waits for the
// first arrival of its id. The others are returned.
func (l *Logbook) settleRepeats(came []*staged, most int) (fresh []*staged) {
	for _, s := range came {
		key := s.key()
		facts, found, err := l.Lookup(context.Background(), key.sender, key.id)
		switch {
		case err != nil:
			fail([]*staged{s}, err)
		case found && facts.Matches(s.draft):
			s.drop()
			s.then(facts, nil)
		case found:
			fail([]*staged{s}, fmt.Errorf("%w: message %d has it", logbook.ErrConflict, facts.Entry.Seq))
		case l.busy[key], len(fresh) >= most: // a group that failed may leave more ids than one has room for
			l.later = append(l.later, s)
			l.queue.setAside(s)
		default:
			l.busy[key] = true
			fresh = append(fresh, s)
		}
	}
	return fresh
}

// write puts small messages into their files, and returns those that are in
// theirs. On a local file system one goroutine does it: many that make files in
// one directory wait for each other there, spinning. Where each call may be a
// message to another machine, several wait side by side.
func (l *Logbook) write(fresh []*staged) (written []*staged) {
	var g errgroup.Group
	g.SetLimit(parallelFlushes)
	errs := make([]error, len(fresh))
	for i, s := range fresh {
		switch {
		case s.sheet == nil: // a large one
		case l.canSyncFS:
			errs[i] = s.complete()
		default:
			g.Go(func() error { errs[i] = s.complete(); return nil })
		}
	}
	_ = g.Wait()
	written = fresh[:0]
	for i, s := range fresh {
		if errs[i] != nil {
			l.failGroup([]*staged{s}, errs[i])
			continue
		}
		written = append(written, s)
	}
	return written
}

// writeStep is how many messages are written before the flush under way is
// looked at again.
const writeStep = 16

// writeMeanwhile writes what comes until the flush is done. A volume that cannot
// be written is left alone until it is healed.
func (l *Logbook) writeMeanwhile(flushed <-chan error) (next []*staged, err error) {
	for {
		came := l.queue.came
		if len(next) >= l.mostInGroup || l.health.reason() != nil {
			came = nil
		}
		select {
		case err = <-flushed:
			return next, err
		case <-came:
			next = append(next, l.ready(l.queue.take(min(writeStep, l.mostInGroup-len(next))), l.mostInGroup-len(next))...)
		}
	}
}

func fail(group []*staged, err error) {
	for _, s := range group {
		s.drop()
		s.then(logbook.Facts{}, err)
	}
}

// failGroup fails messages that ready has taken up.
func (l *Logbook) failGroup(group []*staged, err error) {
	l.forget(group)
	fail(group, err)
}

// forget lets others with the ids of group pass.
func (l *Logbook) forget(group []*staged) {
	for _, s := range group {
		delete(l.busy, s.key())
	}
}
