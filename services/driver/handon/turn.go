package handon

import (
	"context"
	"errors"
	"time"

	"sealpost/services/driver/hook"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// turn deals with the message whose turn it is.
func (w *worker) turn(ctx context.Context, e logfile.Entry, owed bool) error {
	if owed {
		w.pass()
		return nil
	}
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return interrupted(ctx, e.Seq)
		}
		err := w.hand(ctx, e)
		switch {
		case err == nil:
			w.note(e)
			w.pass()
			return w.save()
		case errors.Is(err, errAway):
			w.away++
			w.pass()
			return nil
		case ctx.Err() != nil:
			return interrupted(ctx, e.Seq)
		}
		if over, err := w.failed(ctx, e, err, attempt); over || err != nil {
			return err
		}
	}
}

// pass moves the position on, but not yet on the disk.
func (w *worker) pass() {
	w.position, w.unsaved = position{next: w.position.next + 1}, true
	w.next.Store(int64(w.position.next))
}

// save makes the position durable.
func (w *worker) save() error {
	if w.away > 0 {
		w.Log.Info().Uint64("messages", w.away).Uint64("before", w.position.next).
			Msg("passed over what is no longer in the output directory")
		w.away = 0
	}
	if !w.unsaved {
		return nil
	}
	w.unsaved = false
	return w.position.write(w.out)
}

// failed notes a failure, durably, and reports whether this message's turn is over.
// Else it waits.
func (w *worker) failed(ctx context.Context, e logfile.Entry, cause error, attempt int) (over bool, err error) {
	now := w.Now()
	if since := w.position.since; since.IsZero() || since.After(now) { // a clock may be set back
		w.position.since = now
		if err := w.position.write(w.out); err != nil {
			return false, err
		}
		w.unsaved = false
	}
	since := w.position.since
	w.Log.Warn().Err(cause).Uint64("number", e.Seq).Stringer("id", e.ID).Int("attempt", attempt).Msg("not handed on")
	if w.GiveUp > 0 && now.Sub(since) >= w.GiveUp {
		return true, w.giveUp(e, cause)
	}
	d := pauseAfter(attempt, cause)
	if w.Attempts > 0 && (attempt >= w.Attempts || d > mostWait) || w.Attempts == 0 && w.now().over {
		w.stopped = &StoppedError{Number: e.Seq, Since: since, Cause: cause}
		return true, nil
	}
	w.Pause(ctx, w.finish, d)
	return false, nil
}

// giveUp puts the message on the list of what is owed, and passes over it.
func (w *worker) giveUp(e logfile.Entry, cause error) error {
	at := numbers.One(e.Seq)
	var one numbers.Set
	one.Add(at)
	if _, err := w.out.ChangeOwed(one, numbers.Set{}); err != nil {
		return err
	}
	w.Log.Error().Err(cause).Uint64("number", e.Seq).Stringer("id", e.ID).
		Msg("given up for now: it is owed, and the next ones go on")
	w.unhanded.Add(at)
	w.cause = cause
	w.pass()
	return w.save()
}

const (
	firstPause = time.Second
	mostPause  = time.Minute
	mostWait   = time.Minute      // that a run with an end waits for a hook that asks for it
	mostAsked  = 10 * time.Minute // that a hook may ask for
)

// pauseAfter is how long to wait before the next attempt.
func pauseAfter(attempt int, cause error) time.Duration {
	d := mostPause
	if attempt < 7 {
		d = firstPause << (attempt - 1)
	}
	var failed *hook.FailedError
	if errors.As(cause, &failed) {
		d = max(d, min(failed.After, mostAsked))
	}
	return d
}
