package engine

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/wal"
)

// commit takes a written group through the steps of the package comment, and
// returns the next one, written while this one was flushed.
func (c *committer) commit(group []*Message) (next []*Message) {
	recs, err := c.prepare(group)
	if err == nil {
		flushed := make(chan error, 1)
		flush := c.flusher(group, recs)
		go func() { flushed <- flush() }()
		next, err = c.writeMeanwhile(flushed)
	}
	var unsure *appendError
	if errors.As(err, &unsure) {
		err = c.void(group, unsure.cause)
	}
	if err == nil {
		return c.finish(group, next)
	}
	err = c.health.failed(err)
	// What was written beside a flush that failed is not flushed again: it
	// would look as if that had worked.
	group = append(group, next...)
	const what = "group failed; its senders are told to try again"
	c.say(zerolog.ErrorLevel, what).Err(err).Int("messages", len(group)).Msg(what)
	c.endAll(group, err)
	return nil
}

// prepare looks whether a group can be kept now, and gives it its numbers. They
// are final once the records are.
func (c *committer) prepare(group []*Message) ([]wal.Record, error) {
	if err := c.heal(); err != nil {
		return nil, err
	}
	first := c.Manifest.Count()
	if err := c.placesFree(first, len(group)); err != nil {
		return nil, err
	}
	recs := make([]wal.Record, 0, len(group))
	for i, m := range group {
		rec, err := m.number(first+uint64(i), c.shards.path(first+uint64(i)))
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// appendError means that the records may hold a group or not.
type appendError struct{ cause error }

func (e *appendError) Error() string { return e.cause.Error() }

// flusher returns what makes a group durable: its files, then its record. It
// runs beside the committer, which leaves the records alone meanwhile.
func (c *committer) flusher(group []*Message, recs []wal.Record) func() error {
	flush := flushEach
	if c.shareFlush(group) {
		flush = flushTogether
	}
	vol, records := c.Volume, c.Records
	return func() error {
		lap := c.cfg.Watch.start()
		if err := flush(vol, group); err != nil {
			return err
		}
		lap.end(StepFiles)
		if err := records.Append(recs); err != nil {
			return &appendError{err}
		}
		lap.end(StepRecord)
		return nil
	}
}

// ForeignFileError means that something lies where the next number belongs. It
// is neither replaced nor skipped.
type ForeignFileError struct{ Name string }

func (e *ForeignFileError) Error() string {
	return fmt.Sprintf("a foreign file is in the place of %s", e.Name)
}

// placesFree makes the shard directories of the next numbers, and looks whether
// nothing has the names of their log files.
func (c *committer) placesFree(first uint64, n int) error {
	for seq := first; seq < first+uint64(n); seq++ {
		file := c.shards.path(seq)
		if err := c.makeShard(file); err != nil {
			return err
		}
		free, err := c.IsFree(file)
		if err != nil {
			return err
		}
		if !free {
			return &ForeignFileError{file}
		}
	}
	return nil
}

// void starts fresh records after a failed append, so that nothing of the group
// can come back, and only then gives its files up: a record that reached the
// disk after all must find its bytes. While the records cannot be rotated the
// files stay, the logbook is red, and nobody knows whether the group is kept: a
// restart may find its record whole.
func (c *committer) void(group []*Message, cause error) error {
	err := c.rotateRecords()
	if err == nil {
		return cause
	}
	for _, m := range group {
		m.named = true
		c.orphans = append(c.orphans, m.file.Name)
	}
	return errors.Join(logbook.ErrUnknown, cause, err)
}

// writeStep is how many messages are written before the flush under way is
// looked at again.
const writeStep = 16

// writeMeanwhile writes what comes until the flush is done. A volume that cannot
// be written is left alone until it is healed.
func (c *committer) writeMeanwhile(flushed <-chan error) (next []*Message, err error) {
	for {
		came := c.queue.came
		if len(next) >= c.cfg.MostInGroup || c.health.reason() != nil {
			came = nil
		}
		select {
		case err = <-flushed:
			return next, err
		case <-came:
			next = c.take(next, writeStep)
		}
	}
}

// write has messages put into their files, and returns those that are in theirs.
// On a local file system one goroutine does it: many that make files in one
// directory wait for each other there, spinning. Where each call may be a message
// to another machine, several wait side by side.
func (c *committer) write(first []*Message) (written []*Message) {
	var g errgroup.Group
	g.SetLimit(parallelFlushes)
	errs := make([]error, len(first))
	for i, m := range first {
		if c.flushes.Trusted() || m.Body.InFile() {
			errs[i] = m.complete()
			continue
		}
		g.Go(func() error { errs[i] = m.complete(); return nil })
	}
	_ = g.Wait()
	written = first[:0]
	for i, m := range first {
		if err := cmp.Or(errs[i], m.broken()); err != nil {
			c.end(m, logbook.Facts{}, err)
			continue
		}
		written = append(written, m)
	}
	return written
}
