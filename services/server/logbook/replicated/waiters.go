package replicated

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/stream"
)

// waiters are those whose message, or order, was published and has not been passed by this
// server.
type waiters struct {
	of *Logbook

	mu      sync.Mutex
	waiting map[entry.ID]*waiter
	at      entry.Seen
	rules   *entry.Settings // none before the first
	closed  bool
}

// waiter is one message that was published.
type waiter struct {
	header entry.Header
	body   []byte
	then   func(logbook.Facts, error)
	until  time.Time // when its sender is told that nobody knows
	next   time.Time // when it is published again
	tries  int
	at     uint64    // where the log says that it is; 0: it has not said so
	acked  time.Time // when it said so last
	taken  bool      // this server has read it, and its volume is about to keep it
}

func newWaiters(l *Logbook) *waiters {
	return &waiters{of: l, waiting: make(map[entry.ID]*waiter)}
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

// add publishes a message and has then called with what became of it, once.
func (w *waiters) add(h entry.Header, body []byte, then func(logbook.Facts, error)) {
	now := time.Now()
	waits := &waiter{header: h, body: body, then: then, until: now.Add(w.of.cfg.CommitWithin)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		then(logbook.Facts{}, logbook.ErrClosed)
		return
	}
	w.waiting[h.Attempt] = waits
	data, err := w.seal(waits, now)
	w.mu.Unlock()
	if err != nil {
		w.answer(h.Attempt, logbook.Facts{}, err)
		return
	}
	w.publish(h.Attempt, data)
}

// seal counts a try. It is called with mu held.
func (w *waiters) seal(waits *waiter, now time.Time) ([]byte, error) {
	waits.tries++
	waits.next = now.Add(w.of.cfg.PublishAgain)
	waits.header.Server, waits.header.Seen = w.of.cfg.Server, w.at
	return w.of.key.Seal(waits.header, waits.body)
}

// afterFailure is the pause behind a try of which it was said that nobody knows: as long as
// the log is between two leaders each is. It is over at the next look, and does not grow: an
// election takes up to 9 s, and what is sent then is to come soon after it.
func (l *Logbook) afterFailure() time.Duration { return l.cfg.PublishAgain / looks / 2 }

func (w *waiters) publish(attempt entry.ID, data []byte) {
	w.of.cfg.Log.Publish(data, func(at uint64, err error) { w.acknowledged(attempt, at, err) })
}

// acknowledged hears of one try. That it is there says nothing of the message: it is
// answered when this server's volume keeps it.
func (w *waiters) acknowledged(attempt entry.ID, at uint64, err error) {
	w.mu.Lock()
	waits := w.waiting[attempt]
	refused := waits != nil && errors.Is(err, stream.ErrFull) && waits.tries == 1
	switch {
	case waits == nil:
	case err == nil:
		waits.at, waits.acked = at, time.Now()
	default:
		waits.next = time.Now().Add(w.of.afterFailure())
	}
	w.mu.Unlock()
	if refused { // the only one that there was
		w.answer(attempt, logbook.Facts{}, logbook.ErrNoSpace)
	}
}

// take notes that this server has read an attempt. Whatever comes of a copy of it is of no
// account then.
func (w *waiters) take(attempt entry.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if waits := w.waiting[attempt]; waits != nil {
		waits.taken = true
	}
}

// void ends the waiting for an attempt whose entry does not count, unless another one of
// its entries does.
func (w *waiters) void(attempt entry.ID, why error) {
	w.mu.Lock()
	waits := w.waiting[attempt]
	taken := waits != nil && waits.taken
	w.mu.Unlock()
	if !taken {
		w.answer(attempt, logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnavailable, why))
	}
}

// answer ends the waiting for an attempt, and reports whether somebody waited. Nobody is told
// that a message is kept by a server that may be one of few that have read something else.
func (w *waiters) answer(attempt entry.ID, facts logbook.Facts, err error) (waited bool) {
	w.mu.Lock()
	waits := w.waiting[attempt]
	delete(w.waiting, attempt)
	w.mu.Unlock()
	if waits == nil {
		return false
	}
	if err == nil || errors.Is(err, logbook.ErrConflict) {
		w.of.cfg.Watch.Answered(waits.sinceAcknowledged())
	}
	if err == nil && w.of.health.doubt() != nil {
		facts, err = logbook.Facts{}, logbook.ErrUnknown
	}
	waits.then(facts, err)
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
	for attempt, data := range again {
		w.of.cfg.Watch.Again()
		w.publish(attempt, data)
	}
	for _, attempt := range late {
		w.answer(attempt, logbook.Facts{}, logbook.ErrUnknown)
	}
}

func (w *waiters) due(now time.Time) (again map[entry.ID][]byte, late []entry.ID) {
	again = make(map[entry.ID][]byte)
	w.mu.Lock()
	defer w.mu.Unlock()
	for attempt, waits := range w.waiting {
		switch {
		case now.After(waits.until):
			late = append(late, attempt)
		case !waits.taken && waits.lost(w.at) && now.After(waits.next):
			if data, err := w.seal(waits, now); err == nil {
				again[attempt] = data
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
		waits.then(logbook.Facts{}, errors.Join(logbook.ErrUnknown, context.Canceled))
	}
}
