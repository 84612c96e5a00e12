// Package handon hands on what was collected: each message in order of number, to a
// hook, to a directory of messages, or to both.
//
// Guaranteed: a message counts as handed on only once the hook has taken it and its
// own file is durable, and that is recorded durably before the next one's turn. So each
// is handed on at least once, also where the power is cut; after a crash the one that
// was under way comes once more. A message that fails holds up those behind it, for
// as long as Config.GiveUp; then it goes to the list of what is owed, durably, before
// the next one's turn. What is owed is tried again after all others, and leaves the
// list when it was handed on.
//
// A message whose log file was taken out of the output directory before its turn was
// dealt with by who took it, and is passed over; the log says how many.
//
// Collecting never waits for it: it reads the kept manifest beside the collector, as
// far as its lines are durable.
package handon

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// kept is how far the kept manifest is known to reach.
type kept struct {
	some  bool // anything is known
	lines uint64
	size  int64
	allow uint64 // so many of the lines may be handed on
	over  bool   // there will be no more
}

// Handing is handing on, under way. The methods of a nil one do nothing.
type Handing struct {
	cfg    Config
	mu     sync.Mutex
	kept   kept
	wake   chan struct{}
	finish chan struct{} // closed by Finish
	done   chan struct{}
	errs   []error       // once done
	count  atomic.Uint64 // messages that were handed on
	next   atomic.Int64  // the worker's position; -1: not read yet
}

// Start begins to hand on, in the background, as soon as Kept says that there is
// something. The end of ctx ends it, a hook that is under way a few seconds later.
func Start(ctx context.Context, cfg Config) *Handing {
	h := &Handing{
		cfg: cfg.withDefaults(), wake: make(chan struct{}, 1), finish: make(chan struct{}), done: make(chan struct{}),
	}
	h.next.Store(-1)
	if !cfg.Signed {
		h.kept.allow = math.MaxUint64
	}
	go func() {
		defer close(h.done)
		h.errs = h.run(ctx)
	}()
	return h
}

// Kept tells how far the lines of the kept manifest are durable. It does not wait.
func (h *Handing) Kept(lines uint64, size int64) {
	h.update(func(k *kept) { k.some, k.lines, k.size = true, lines, size })
}

// Allow says that the first lines of the manifest are signed. It does not wait.
func (h *Handing) Allow(lines uint64) {
	h.update(func(k *kept) { k.allow = max(k.allow, lines) })
}

func (h *Handing) update(change func(*kept)) {
	if h == nil {
		return
	}
	h.mu.Lock()
	change(&h.kept)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default: // it looks soon
	}
}

// Finish says that no more is kept, waits until all was handed on, or as much as can
// be now, and returns what was not: a *StoppedError, an *OwedError, an
// *InterruptedError, a *PositionError, ErrInUse, errors of the collector's files. It is called once.
func (h *Handing) Finish() []error {
	if h == nil {
		return nil
	}
	h.update(func(k *kept) { k.over = true })
	close(h.finish)
	<-h.done
	return h.errs
}

// Count is how many messages were handed on so far.
func (h *Handing) Count() uint64 {
	if h == nil {
		return 0
	}
	return h.count.Load()
}

// Position is the number of the message whose turn it is; known is false until it
// was read.
func (h *Handing) Position() (next uint64, known bool) {
	n := h.next.Load()
	return uint64(max(n, 0)), n >= 0
}

func (h *Handing) now() kept {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept
}

// afterTrouble is the pause after an error of this machine's disk, where handing on
// goes on for ever.
const afterTrouble = time.Minute

func (h *Handing) run(ctx context.Context) []error {
	for {
		w := &worker{Handing: h, Config: h.cfg}
		err := w.run(ctx)
		if err == nil || h.cfg.Attempts > 0 || h.now().over || ctx.Err() != nil {
			return w.failures(err)
		}
		h.cfg.Log.Error().Err(err).Msg("handing on stands still, trying again")
		h.cfg.Pause(ctx, h.finish, afterTrouble)
	}
}

// failures is all that is to be said at the end.
func (w *worker) failures(err error) (list []error) {
	if err != nil {
		list = append(list, err)
	}
	if w.stopped != nil {
		list = append(list, w.stopped)
	}
	if !w.unhanded.Empty() {
		list = append(list, &OwedError{w.unhanded, w.cause})
	}
	return list
}

// await waits until something may have changed, or it is time to try what is owed.
func (h *Handing) await(ctx context.Context, owed <-chan time.Time) (tryOwed bool) {
	select {
	case <-h.wake:
	case <-h.finish:
	case <-ctx.Done():
	case <-owed:
		return true
	}
	return false
}

// interrupted is the end of the program before next was handed on.
func interrupted(ctx context.Context, next uint64) error {
	return &InterruptedError{next, context.Cause(ctx)}
}
