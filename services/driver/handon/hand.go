package handon

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"sealpost/services/driver/hook"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

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
	if m.File, err = filepath.Abs(filepath.Join(w.out.Path(), e.File)); err != nil {
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
	w.count.Add(1)
	w.Log.Info().Uint64("number", e.Seq).Stringer("id", e.ID).Str("name", message.Visible(e.Name)).Msg("handed on")
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
