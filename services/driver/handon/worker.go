package handon

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"sealpost/services/driver/collector"
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
	w.next.Store(int64(w.position.next))
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
