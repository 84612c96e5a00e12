package replicated

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// waiters are those whose message, or order, was published and has not been passed by this
// server.
type waiters struct {
	of *Logbook

	mu      sync.Mutex
	waiting map[ticket]*waiter
	at      entry.Seen
	rules   *entry.Settings // none before the first
	closed  bool
}

// ticket is what is waited for: a message or an order, or a chunk of a message, which are counted
// from 1 on.
type ticket struct {
	attempt entry.ID
	chunk   int
}

func ticketOf(h entry.Header) ticket {
	t := ticket{attempt: h.Attempt}
	if h.Chunk != nil {
		t.chunk = h.Chunk.Index + 1
	}
	return t
}

// waiter is one entry that was published.
type waiter struct {
	header entry.Header
	body   []byte
	then   func(at uint64, facts logbook.Facts, err error)
	until  time.Time // when its sender is told that nobody knows
	next   time.Time // when it is published again
	tries  int
	silent int       // tries, one behind the other, of which nobody said anything
	at     uint64    // where the log says that it is; 0: it has not said so
	acked  time.Time // when it said so last
	taken  bool      // this server has read it, and its volume is about to keep it
}

func newWaiters(l *Logbook) *waiters {
	return &waiters{of: l, waiting: make(map[ticket]*waiter)}
}

// seen notes how far this server has read, for what it publishes.
func (w *waiters) seen(at entry.Seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

// settings notes what holds for log files now.
func (w *waiters) settings(s entry.Settings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = &s
}

// current returns what holds for log files now; nil: nothing yet.
func (w *waiters) current() *entry.Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rules
}

func (w *waiters) position() entry.Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// len is how many messages nobody has answered yet.
func (w *waiters) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// add publishes an entry and has then called with what became of it, once. The position is that
// of a chunk.
func (w *waiters) add(h entry.Header, body []byte, then func(at uint64, facts logbook.Facts, err error)) {
	t := ticketOf(h)
	now := time.Now()
	waits := &waiter{header: h, body: body, then: then, until: now.Add(w.of.cfg.CommitWithin)}
	if t.chunk > 0 {
		waits.until = now.Add(fold.ChunkLife / 2) // on a slow way a message takes its time
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		then(0, logbook.Facts{}, logbook.ErrClosed)
		return
	}
	w.waiting[t] = waits
	data, err := w.seal(waits, now)
	w.mu.Unlock()
	if err != nil {
		w.answer(t, logbook.Facts{}, err)
		return
	}
	w.publish(t, data)
}

// seal counts a try. It is called with mu held.
func (w *waiters) seal(waits *waiter, now time.Time) ([]byte, error) {
	waits.tries++
	waits.next = now.Add(w.of.afterSilence(waits.silent))
	waits.header.Server, waits.header.Seen = w.of.cfg.Server, w.at
	return w.of.key.Seal(waits.header, waits.body)
}

func (w *waiters) publish(t ticket, data []byte) {
	w.of.cfg.Log.Publish(data, func(at uint64, err error) { w.acknowledged(t, at, err) })
}

// acknowledged hears of one try. That it is there says nothing of the message: it is
// answered when this server's volume keeps it. Of a chunk it says all.
func (w *waiters) acknowledged(t ticket, at uint64, err error) {
	if err == nil && t.chunk > 0 {
		w.chunk(t, at)
		return
	}
	w.mu.Lock()
	waits := w.waiting[t]
	refused := waits != nil && errors.Is(err, stream.ErrFull) && (waits.tries == 1 || t.chunk > 0)
	switch {
	case waits == nil:
	case err == nil:
		waits.at, waits.acked = at, time.Now()
	case errors.Is(err, stream.ErrUnacknowledged):
		waits.silent++ // it is published again when it was to be
	default:
		waits.silent, waits.next = 0, time.Now().Add(w.of.afterFailure())
	}
	w.mu.Unlock()
	if refused { // the only one that there was
		w.answer(t, logbook.Facts{}, logbook.ErrNoSpace)
	}
}

// chunk ends the waiting for one that is in the log: acknowledged, or read, where its
// acknowledgement is late, or lost.
func (w *waiters) chunk(t ticket, at uint64) {
	w.mu.Lock()
	if waits := w.waiting[t]; waits != nil {
		waits.at = at
	}
	w.mu.Unlock()
	w.answer(t, logbook.Facts{}, nil)
}

// take notes that this server has read an attempt. Whatever comes of a copy of it is of no
// account then.
func (w *waiters) take(t ticket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if waits := w.waiting[t]; waits != nil {
		waits.taken = true
	}
}

// void ends the waiting for an attempt whose entry does not count, unless another one of
// its entries does.
func (w *waiters) void(t ticket, why error) {
	w.mu.Lock()
	waits := w.waiting[t]
	taken := waits != nil && waits.taken
	w.mu.Unlock()
	if !taken {
		w.answer(t, logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnavailable, why))
	}
}

// answer ends the waiting for an attempt, and reports whether somebody waited. Nobody is told
// that a message is kept by a server that may be one of few that have read something else.
func (w *waiters) answer(t ticket, facts logbook.Facts, err error) (waited bool) {
	w.mu.Lock()
	waits := w.waiting[t]
	delete(w.waiting, t)
	w.mu.Unlock()
	if waits == nil {
		return false
	}
	if t.chunk == 0 && (err == nil || errors.Is(err, logbook.ErrConflict)) {
		w.of.cfg.Watch.Answered(waits.sinceAcknowledged())
	}
	if err == nil && w.of.health.doubt() != nil {
		facts, err = logbook.Facts{}, logbook.ErrUnknown
	}
	waits.then(waits.at, facts, err)
	return true
}

// looks is how often in the time after which something is published again it is looked
// for what is due.
const looks = 4

// run publishes again what is not acknowledged, and gives up what takes too long.
func (w *waiters) run() {
	tick := time.NewTicker(w.of.cfg.PublishAgain / looks)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			w.look(now)
		case <-w.of.ctx.Done():
			return
		}
	}
}

func (w *waiters) look(now time.Time) {
	again, late := w.due(now)
	for t, data := range again {
		w.of.cfg.Watch.Again()
		w.publish(t, data)
	}
	for _, t := range late {
		w.answer(t, logbook.Facts{}, logbook.ErrUnknown)
	}
}

func (w *waiters) due(now time.Time) (again map[ticket][]byte, late []ticket) {
	again = make(map[ticket][]byte)
	w.mu.Lock()
	defer w.mu.Unlock()
	for t, waits := range w.waiting {
		switch {
		case now.After(waits.until):
			late = append(late, t)
		case !waits.taken && waits.lost(w.at) && now.After(waits.next):
			if data, err := w.seal(waits, now); err == nil {
				again[t] = data
			}
		}
	}
	return again, late
}

// lost reports whether an attempt is not in the log, as far as is known: it has not said
// so, or this server has read past the place and found something else there.
func (w *waiter) lost(read entry.Seen) bool { return w.at == 0 || w.at <= read.Position }

// end tells all who wait that the logbook is closed; what they published may be kept.
func (w *waiters) end() {
	w.mu.Lock()
	w.closed = true
	waiting := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	for _, waits := range waiting {
		waits.then(0, logbook.Facts{}, errors.Join(logbook.ErrUnknown, context.Canceled))
	}
}
