package outbox

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sealpost/shared/message"
)

// schedule holds what cannot go now, each with the time of its next try.
type schedule struct {
	first time.Duration // pause; each is about twice the one before

	mu    sync.Mutex
	waits map[job]*wait
}

type wait struct {
	Left
	since  time.Time // it is here
	due    time.Time
	never  bool // not in this run
	pauses backoff.ExponentialBackOff
}

func newSchedule(first time.Duration) *schedule {
	return &schedule{first: first, waits: make(map[job]*wait)}
}

// add puts off what ended in left.Err; never: beyond this run. news is true for
// the first time, and when the reason is another one than before.
func (s *schedule) add(j job, left Left, never bool) (first, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w, known := s.waits[j]
	if !known {
		w = &wait{since: now, pauses: backoff.ExponentialBackOff{
			InitialInterval: s.first, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: max(s.first, mostPause),
		}}
		s.waits[j] = w
	}
	news = !known || w.Err.Error() != left.Err.Error()
	w.Left, w.never = left, never
	w.due = now.Add(w.pauses.NextBackOff())
	return !known, news
}

// state tells whether something is put off, and if so, whether it is time for
// another try.
func (s *schedule) state(j job) (putOff, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, putOff := s.waits[j]
	return putOff, putOff && !w.never && !time.Now().Before(w.due)
}

func (s *schedule) forget(j job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waits, j)
}

// keep forgets what was there before a look at the outbox and is not any more:
// another client has settled it. It returns how much waits for another try.
func (s *schedule) keep(looked time.Time, found map[job]bool) (waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j, w := range s.waits {
		switch {
		case w.since.Before(looked) && !found[j]:
			delete(s.waits, j)
		case !w.never:
			waiting++
		}
	}
	return waiting
}

// left lists what is put off, what has waited longest first.
func (s *schedule) left() []Left {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := make([]*wait, 0, len(s.waits))
	for _, w := range s.waits {
		waits = append(waits, w)
	}
	slices.SortFunc(waits, func(a, b *wait) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.Name, b.Name)) })
	var left []Left
	for _, w := range waits {
		left = append(left, w.Left)
	}
	return left
}

// leave puts off a message, or a file that could not be claimed, and gives its
// slot to others. It is named when this begins and when the reason changes.
func (o *run) leave(j job, left Left, never bool) {
	first, news := o.later.add(j, left, never)
	if first {
		o.progress() // it has had a try of its own
	}
	if !news {
		return
	}
	text := "message waits, others go first"
	if never {
		text = "message left in the outbox"
	}
	event := o.Log.Warn().Str("name", message.Visible(left.Name)).Str("reason", message.Visible(left.Err.Error()))
	if left.ID != (message.ID{}) {
		event = event.Stringer("id", left.ID)
	}
	event.Msg(text)
}

// leaveClaim is leave for a claim. What a person must do something about is not
// tried again, but by a client that stays.
func (o *run) leaveClaim(c *claim, cause error, again bool) {
	o.leave(c.job(), Left{ID: c.id, Name: c.name, Err: cause}, !again && !o.Watch)
}

// progress notes that something has moved.
func (o *run) progress() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moved = time.Now()
}

// late reports whether nothing has moved for so long that what waits is given up.
func (o *run) late() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Timeout > 0 && !o.Watch && time.Since(o.moved) >= o.Timeout
}
