package handon

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/hook"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// lockName is the lock of who hands on from an output directory.
const lockName = ".handing"

// worker hands on, from when something is kept to the end. It belongs to one
// goroutine.
type worker struct {
	*Handing
	Config
	out      *collector.Output
	lines    *collector.KeptLines
	position position
	unsaved  bool   // of position: messages that were passed over since it was written
	away     uint64 // of them, those whose files were taken away

	stopped  *StoppedError // the rest is left to the next run
	unhanded numbers.Set   // owed, tried, and not handed on
	cause    error         // of one of them
}

func (w *worker) run(ctx context.Context) error {
	for k := w.now(); !k.some; k = w.now() {
		if k.over || ctx.Err() != nil {
			return nil // there was nothing
		}
		w.await(ctx, nil)
	}
	var err error
	if w.out, err = collector.OpenOutput(w.Dir); err != nil {
		return err
	}
	defer w.out.Close()
	lock, err := w.out.LockFile(lockName)
	if errors.Is(err, durable.ErrLocked) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err = w.open(); err != nil {
		return err
	}
	defer w.lines.Close()
	return errors.Join(w.loop(ctx), w.save())
}

func (w *worker) open() (err error) {
	if w.position, err = readPosition(w.out); err != nil {
		return err
	}
	if w.position.next > w.now().lines {
		return &PositionError{filepath.Join(w.out.Path(), positionName), errBeyond}
	}
	w.lines, err = w.out.KeptLines()
	return err
}

func (w *worker) loop(ctx context.Context) error {
	var owed <-chan time.Time
	if w.OwedEvery > 0 {
		ticker := time.NewTicker(w.OwedEvery)
		defer ticker.Stop()
		owed = ticker.C
	}
	for {
		k := w.now()
		if err := w.advance(ctx, k); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // nothing was left to do
		}
		if k.over {
			return w.tryOwed(ctx, k)
		}
		if w.await(ctx, owed) {
			if err := w.tryOwed(ctx, k); err != nil {
				return err
			}
		}
	}
}

// advance hands on what is kept, in order.
func (w *worker) advance(ctx context.Context, k kept) error {
	w.lines.Extend(k.size)
	if w.position.next >= min(k.lines, k.allow) {
		return nil
	}
	// The list was written before the lines that pass over its numbers.
	owed, err := w.out.Owed()
	if err != nil {
		return err
	}
	for w.stopped == nil && w.position.next < min(k.lines, k.allow) {
		e, err := w.line()
		if err == nil {
			err = w.turn(ctx, e, owed.Has(e.Seq))
		}
		if err != nil {
			return err
		}
	}
	return w.save()
}

// line reads the line of the message whose turn it is.
func (w *worker) line() (e logfile.Entry, err error) {
	for {
		if e, err = w.lines.Next(); err != nil || e.Seq == w.position.next {
			return e, err
		}
	}
}

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
func (w *worker) pass() { w.position, w.unsaved = position{next: w.position.next + 1}, true }

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
	w.Log.Warn().Err(cause).Uint64("number", e.Seq).Int("attempt", attempt).Msg("not handed on")
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
	w.Log.Error().Err(cause).Uint64("number", e.Seq).Msg("given up for now: it is owed, and the next ones go on")
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

// hand hands one message on, or says why not.
func (w *worker) hand(ctx context.Context, e logfile.Entry) error {
	f, err := w.out.OpenKept(e)
	if errors.Is(err, fs.ErrNotExist) {
		return errAway
	}
	if err != nil {
		return err
	}
	defer f.Close()
	parsed, err := logfile.Parse(f, int64(min(e.FileSize, math.MaxInt64)))
	if err != nil {
		return err
	}
	m := hook.Message{Entry: e, Body: parsed.Plain()}
	if m.File, err = filepath.Abs(filepath.Join(w.out.Path(), filepath.FromSlash(e.File))); err != nil {
		return err
	}
	if w.Messages != "" {
		if m.Path, err = putMessage(w.Messages, e, parsed.Plain()); err != nil {
			return err
		}
	}
	return w.tell(ctx, m)
}

func (w *worker) tell(ctx context.Context, m hook.Message) error {
	if w.Hook == nil {
		return nil
	}
	if m.Path == "" && w.Hook.NeedsFile() {
		path, remove, err := temporary(w.out, m.Entry, m.Body)
		if err != nil {
			return err
		}
		defer remove()
		m.Path = path
	}
	ctx, cancel := w.graceful(ctx, m.Entry.Seq)
	defer cancel()
	return w.Hook.Hand(ctx, m)
}

// note says that a message was handed on.
func (w *worker) note(e logfile.Entry) {
	w.count++
	w.Log.Info().Uint64("number", e.Seq).Stringer("id", e.ID).Msg("handed on")
}

// graceful returns a context for the message with that number, which ends a while
// after ctx.
func (w *worker) graceful(ctx context.Context, number uint64) (context.Context, func()) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		w.Log.Info().Uint64("number", number).Msgf("the message under way has %v to be taken", w.Grace)
		timer := time.AfterFunc(w.Grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(later, func() { timer.Stop() })
	})
	return later, func() { stop(); cancel(nil) }
}
