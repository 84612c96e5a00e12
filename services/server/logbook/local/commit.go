package local

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
)

// commit takes a written group through the steps of the package comment, and
// returns the next one, written while this one was flushed.
func (l *Logbook) commit(group []*staged) (next []*staged) {
	recs, err := l.prepare(group)
	if err == nil {
		flushed := make(chan error, 1)
		go func() { flushed <- l.flush(group, recs) }()
		next, err = l.writeMeanwhile(flushed)
	}
	var failed *appendError
	if errors.As(err, &failed) {
		err = l.void(group, failed.cause)
	}
	if err != nil {
		err = l.failed(err)
		// What was written beside a flush that failed is not flushed again: it
		// would look as if that had worked.
		group = append(group, next...)
		if what := "group failed; its senders are told to try again"; l.pass(zerolog.ErrorLevel, what) {
			l.cfg.Log.Error().Err(err).Int("messages", len(group)).Msg(what)
		}
		l.failGroup(group, err)
		return nil
	}
	l.ahead = next
	l.finish(group)
	next, l.ahead = l.ahead, nil
	return next
}

// prepare looks whether a group can be kept now, and gives it its numbers.
func (l *Logbook) prepare(group []*staged) ([]record, error) {
	if err := l.heal(); err != nil {
		return nil, err
	}
	first := l.manifest.count()
	if err := l.placesFree(first, len(group)); err != nil {
		return nil, err
	}
	return number(group, first)
}

// appendError means that the records may hold a group or not.
type appendError struct{ cause error }

func (e *appendError) Error() string { return e.cause.Error() }

// flush makes a group durable: its files, then its record.
func (l *Logbook) flush(group []*staged, recs []record) error {
	if err := l.flushFiles(group); err != nil {
		return err
	}
	if err := l.records.append(recs); err != nil {
		return &appendError{err}
	}
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
