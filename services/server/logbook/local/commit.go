package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
)

const maxGroup = 1024 // messages that share one record flush

// commitLoop commits groups until Close. While the logbook is red it also tries
// to heal, so that readiness turns green without traffic.
func (l *Logbook) commitLoop() {
	defer close(l.done)
	tick := time.NewTicker(l.cfg.RetryEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.queue.came:
			l.commit(l.gather())
		case <-tick.C:
			l.checkRoom()
			_ = l.heal() // the reason is kept in health
			if err := l.publish(); err != nil {
				l.cfg.Log.Warn().Err(err).Msg("the checkpoint beside the manifest lags")
			}
		case <-l.closing:
			l.drain()
			return
		}
	}
}

// gather takes what waits. It waits for nobody, but lets those go first who have
// something to bring and lack only the processor: a larger group costs the disk
// hardly more. A sender who is alone loses no time.
func (l *Logbook) gather() []*staged {
	for n := 0; n < l.queue.len() && n < maxGroup; {
		n = l.queue.len()
		runtime.Gosched()
	}
	return l.queue.take(maxGroup)
}

// drain fails what waits and leaves the records short for the next start.
func (l *Logbook) drain() {
	fail(l.queue.take(math.MaxInt), logbook.ErrClosed)
	if l.health.reason() != nil {
		return
	}
	if err := l.lastCheckpoint(); err != nil {
		l.cfg.Log.Warn().Err(err).Msg("last checkpoint failed; recovery will replay the records")
	}
}

// commit answers repeats, commits the rest, and then turns to those that waited
// for a commit of their own id in this group.
func (l *Logbook) commit(group []*staged) {
	for len(group) > 0 {
		fresh, later := l.settleRepeats(group)
		if len(fresh) > 0 {
			l.commitFresh(fresh)
		}
		group = later
	}
}

func fail(group []*staged, err error) {
	for _, s := range group {
		s.drop()
		s.answer(logbook.Facts{}, err)
	}
}

// settleRepeats answers what is kept already. Of several arrivals of one id the
// first is fresh and the others are for later.
func (l *Logbook) settleRepeats(group []*staged) (fresh, later []*staged) {
	seen := make(map[indexKey]bool, len(group))
	for _, s := range group {
		key := indexKey{s.draft.Sender, s.draft.ID}
		facts, found, err := l.Lookup(context.Background(), key.sender, key.id)
		switch {
		case err != nil:
			fail([]*staged{s}, err)
		case found && facts.Matches(s.draft):
			s.drop()
			s.answer(facts, nil)
		case found:
			fail([]*staged{s}, fmt.Errorf("%w: message %d has it", logbook.ErrConflict, facts.Entry.Seq))
		case seen[key]:
			later = append(later, s)
		default:
			seen[key] = true
			fresh = append(fresh, s)
		}
	}
	return fresh, later
}

// commitFresh takes a group through the steps of the package comment.
func (l *Logbook) commitFresh(group []*staged) {
	err := l.prepare(group)
	if err == nil {
		if group = l.write(group); len(group) == 0 {
			return // each has heard why
		}
		err = l.keep(group)
	}
	if err != nil {
		err = l.failed(err)
		l.cfg.Log.Error().Err(err).Int("messages", len(group)).Msg("group failed; its senders are told to try again")
		fail(group, err)
	}
}

// prepare looks whether a group can be kept now.
func (l *Logbook) prepare(group []*staged) error {
	if err := l.heal(); err != nil {
		return err
	}
	return l.placesFree(l.manifest.count(), len(group))
}

// write puts the small messages of a group into their files, and returns those
// that are in theirs. On a local file system one goroutine does it: many that
// make files in one directory wait for each other there, spinning. Where each
// call may be a message to another machine, several wait side by side.
func (l *Logbook) write(group []*staged) (written []*staged) {
	var g errgroup.Group
	g.SetLimit(parallelFlushes)
	errs := make([]error, len(group))
	for i, s := range group {
		switch {
		case s.file != nil:
		case l.canSyncFS:
			errs[i] = s.complete()
		default:
			g.Go(func() error { errs[i] = s.complete(); return nil })
		}
	}
	_ = g.Wait()
	written = group[:0]
	for i, s := range group {
		if errs[i] != nil {
			fail([]*staged{s}, errs[i])
			continue
		}
		written = append(written, s)
	}
	return written
}

// keep makes a group durable and takes it to its end. An error means that
// nothing of it was kept.
func (l *Logbook) keep(group []*staged) error {
	recs, err := number(group, l.manifest.count())
	if err != nil {
		return err
	}
	if err := l.flush(group); err != nil {
		return err
	}
	if err := l.records.append(recs); err != nil {
		return l.void(group, err)
	}
	l.finish(group)
	return nil
}

// number gives the group its numbers. They are final once the records are.
func number(group []*staged, first uint64) ([]record, error) {
	recs := make([]record, 0, len(group))
	for i, s := range group {
		s.entry.Seq = first + uint64(i)
		s.entry.File = logfile.FileName(s.entry.Seq)
		line, err := s.entry.Line()
		if err != nil {
			return nil, err
		}
		s.line = line
		recs = append(recs, record{Staged: s.name, Line: string(line)})
	}
	return recs, nil
}

// ForeignFileError means that something lies where the next number belongs. It
// is neither replaced nor skipped.
type ForeignFileError struct{ Name string }

func (e *ForeignFileError) Error() string {
	return fmt.Sprintf("a foreign file is in the place of %s", e.Name)
}

func (l *Logbook) placesFree(first uint64, n int) error {
	for seq := first; seq < first+uint64(n); seq++ {
		name := logfile.FileName(seq)
		free, err := l.vol.isFree(logsDir + "/" + name)
		if err != nil {
			return err
		}
		if !free {
			return &ForeignFileError{name}
		}
	}
	return nil
}

// void starts fresh records after a failed append, so that nothing of the group
// can come back, and only then gives its files up: a record that reached the
// disk after all must find its bytes. While the records cannot be replaced the
// files stay, the logbook is red, and nobody knows whether the group is kept: a
// restart may find its record whole.
func (l *Logbook) void(group []*staged, cause error) error {
	err := l.checkpoint()
	if err == nil {
		return cause
	}
	for _, s := range group {
		s.kept = true
		l.orphans = append(l.orphans, s.name)
	}
	return errors.Join(logbook.ErrUnknown, cause, err)
}
