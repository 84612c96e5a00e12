package local

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		case s := <-l.queue:
			l.commit(l.gather(s))
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

// gather takes what waits behind first. It waits for nobody: while one group is
// flushed the next is written, so that the disk and the processor work side by
// side, and a sender who is alone loses no time.
func (l *Logbook) gather(first *staged) []*staged {
	group := []*staged{first}
	for len(group) < maxGroup {
		select {
		case s := <-l.queue:
			group = append(group, s)
		default:
			return group
		}
	}
	return group
}

// drain fails what waits and leaves the records short for the next start.
func (l *Logbook) drain() {
	l.writers.Wait()
	for {
		select {
		case s := <-l.queue:
			s.drop()
			s.answer(result{err: logbook.ErrClosed})
		default:
			if l.health.reason() == nil {
				if err := l.lastCheckpoint(); err != nil {
					l.cfg.Log.Warn().Err(err).Msg("last checkpoint failed; recovery will replay the records")
				}
			}
			return
		}
	}
}

// commit answers repeats, commits the rest, and then turns to those that waited
// for a commit of their own id in this group.
func (l *Logbook) commit(group []*staged) {
	for len(group) > 0 {
		fresh, later := l.settleRepeats(group)
		if len(fresh) > 0 {
			if err := l.commitFresh(fresh); err != nil {
				err = l.failed(err)
				l.cfg.Log.Error().Err(err).Int("messages", len(fresh)).Msg("group failed; its senders are told to try again")
				fail(fresh, err)
			}
		}
		group = later
	}
}

func fail(group []*staged, err error) {
	for _, s := range group {
		s.drop()
		s.answer(result{err: err})
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
			s.answer(result{facts: facts})
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

// commitFresh takes a group through the steps of the package comment. An error
// means that nothing of it was kept.
func (l *Logbook) commitFresh(group []*staged) error {
	if err := l.heal(); err != nil {
		return err
	}
	first := l.manifest.count()
	if err := l.placesFree(first, len(group)); err != nil {
		return err
	}
	recs, err := number(group, first)
	if err != nil {
		return err
	}
	if err := l.flush(group); err != nil {
		return err
	}
	if err := l.records.append(recs); err != nil {
		return l.void(group, err)
	}
	l.finish(group, recs)
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
		_, exists, err := size(l.vol.logs(name))
		if err != nil {
			return err
		}
		if exists {
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
