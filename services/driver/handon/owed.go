package handon

import (
	"context"
	"errors"
	"io"

	"sealpost/services/driver/collector"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// tryOwed tries each message once that is owed and whose turn was: those whose hook
// failed for too long, and those whose files came late. Where there is an end, what
// failed in this run is not tried twice.
func (w *worker) tryOwed(ctx context.Context, k kept) error {
	owed, err := w.out.Owed()
	if err != nil {
		return err
	}
	w.unhanded = owed.Common(w.unhanded) // others may have been forgotten
	due := owed.Clone()
	due.Remove(numbers.Range{First: min(w.position.next, k.allow), Last: 1<<63 - 1})
	if w.Attempts > 0 {
		due.RemoveAll(w.unhanded)
	}
	if due.Empty() {
		return nil
	}
	lines, err := w.out.KeptLines()
	if err != nil {
		return err
	}
	defer lines.Close()
	lines.Extend(k.size)
	return w.tryEach(ctx, lines, due)
}

func (w *worker) tryEach(ctx context.Context, lines *collector.KeptLines, due numbers.Set) error {
	for last, _ := due.Last(); ; {
		e, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Seq > last:
			return nil
		case !due.Has(e.Seq):
			continue
		}
		if ctx.Err() != nil {
			return interrupted(ctx, e.Seq)
		}
		if err := w.tryOne(ctx, e); err != nil {
			return err
		}
	}
}

// tryOne takes a message off the list once it was handed on.
func (w *worker) tryOne(ctx context.Context, e logfile.Entry) error {
	at := numbers.One(e.Seq)
	err := w.hand(ctx, e)
	switch {
	case err == nil:
		w.unhanded.Remove(at)
		var one numbers.Set
		one.Add(at)
		_, err = w.out.ChangeOwed(numbers.Set{}, one)
		w.note(e)
		return err
	case errors.Is(err, errAway): // its file is owed
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx, e.Seq)
	}
	w.Log.Warn().Err(err).Uint64("number", e.Seq).Stringer("id", e.ID).Msg("owed, and not handed on")
	w.unhanded.Add(at)
	w.cause = err
	return nil
}

// Forget gives up on the message at which handing on stands, durably, if it is among
// which; the empty set if it is not.
func Forget(dir string, which numbers.Set) (forgotten numbers.Set, err error) {
	out, err := collector.OpenOutput(dir)
	if err != nil {
		return forgotten, err
	}
	defer out.Close()
	p, err := readPosition(out)
	if err != nil || p.since.IsZero() || !which.Has(p.next) {
		return forgotten, err
	}
	lock, err := out.LockFile(lockName)
	if errors.Is(err, durable.ErrLocked) {
		return forgotten, ErrInUse
	}
	if err != nil {
		return forgotten, err
	}
	defer lock.Close()
	if p, err = readPosition(out); err != nil || p.since.IsZero() || !which.Has(p.next) {
		return forgotten, err
	}
	forgotten.Add(numbers.One(p.next))
	return forgotten, position{next: p.next + 1}.write(out)
}
