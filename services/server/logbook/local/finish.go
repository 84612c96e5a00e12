package local

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
)

// finish takes a durable group to its end. Nothing here can fail for good.
func (l *Logbook) finish(group []*staged) {
	for _, s := range group {
		if !l.insist("rename", func() error { return l.vol.publish(s.name, logsDir+"/"+s.entry.File) }) {
			l.abandon(group)
			return
		}
	}
	lines := make([][]byte, len(group))
	for i, s := range group {
		lines[i] = s.line
	}
	var places []place
	write := func() (err error) { places, err = l.manifest.append(lines); return err }
	if !l.insist("manifest", write) {
		l.abandon(group)
		return
	}
	if !l.insist("tree", func() error { return l.tree.append(lines) }) || !l.insist("signature", l.seal) {
		l.abandon(group)
		return
	}
	for i, s := range group {
		l.index.add(s.draft.Sender, s.draft.ID, places[i])
		s.then(logbook.Facts{Entry: s.entry, Line: s.line}, nil)
	}
	for _, s := range group { // nobody waits for this
		s.close()
		s.room.end()
	}
	l.forget(group)
	l.checkpointWhenDue()
}

// insist repeats a step of a durable group until it succeeds; false means that
// the logbook is being closed, and recovery will finish the step. Readiness
// stays red until heal has seen a fresh file flushed.
func (l *Logbook) insist(step string, do func() error) bool {
	err := do()
	if err == nil {
		return true
	}
	if what := "a durable group cannot be finished yet"; l.pass(zerolog.ErrorLevel, what) {
		l.cfg.Log.Error().Err(err).Str("step", step).Msg(what)
	}
	tick := time.NewTicker(l.cfg.RetryEvery)
	defer tick.Stop()
	for err != nil {
		l.health.set(fmt.Errorf("%s: %w", step, err))
		l.refuseWaiting(err)
		select {
		case <-tick.C:
			err = do()
		case <-l.closing:
			return false
		}
	}
	return true
}

// refuseWaiting tells those who wait behind a group that cannot be finished to
// try again: nothing of theirs is kept.
func (l *Logbook) refuseWaiting(cause error) {
	err := fmt.Errorf("%w: %w", logbook.ErrUnavailable, cause)
	l.failGroup(l.ahead, err)
	l.ahead = nil
	fail(append(l.takeLater(), l.queue.take(math.MaxInt)...), err)
}

// abandon answers a durable group that this process will not finish.
func (l *Logbook) abandon(group []*staged) {
	l.unfinished = true
	for _, s := range group {
		s.close()
		s.then(logbook.Facts{}, logbook.ErrUnknown)
	}
	l.forget(group)
}

func (l *Logbook) checkpointWhenDue() {
	if l.records.size < l.cfg.CheckpointAfter {
		return
	}
	if err := l.checkpoint(); err != nil {
		l.health.set(err)
		if what := "checkpoint failed"; l.pass(zerolog.ErrorLevel, what) {
			l.cfg.Log.Error().Err(err).Msg(what)
		}
	}
}

// lastCheckpoint leaves the next start nothing to replay or to index.
func (l *Logbook) lastCheckpoint() error {
	if err := l.checkpoint(); err != nil {
		return err
	}
	return errors.Join(l.publish(), l.index.settle(l.manifest, l.manifest.end()))
}

// errUnfinished guards a durable group that was left to recovery.
var errUnfinished = errors.New("a durable group is unfinished")

// checkpoint flushes what the records vouch for, then replaces them. It also
// voids what a failed append left in them.
func (l *Logbook) checkpoint() error {
	if l.unfinished {
		return errUnfinished
	}
	if err := l.manifest.flush(l.flushFailed); err != nil {
		l.flushFailed = true
		return err
	}
	l.flushFailed = false
	if err := l.tree.flush(); err != nil {
		return err
	}
	if err := l.flushNames(); err != nil {
		return err
	}
	fresh, err := startRecords(l.vol, l.manifest.count(), l.cfg.CheckpointAfter)
	if err != nil {
		return err
	}
	_ = l.records.close()
	l.records = fresh
	for _, name := range l.orphans {
		_ = l.vol.remove(name)
	}
	l.orphans = nil
	l.index.flushed(l.manifest, l.manifest.end())
	return nil
}

// flushNames makes durable that log files have their names and staged ones none.
// A rename may be certain only once both directories are flushed.
func (l *Logbook) flushNames() error {
	return errors.Join(l.vol.syncDir(logsDir), l.vol.syncDir(stagingDir))
}
