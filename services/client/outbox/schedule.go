package outbox

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// thing is what is put off: a group, or a file that could not be claimed.
type thing struct {
	group message.ID
	name  string // of a file in DIR
}

// schedule holds what cannot go now, each with the time of its next try.
type schedule struct {
	first time.Duration // pause; each is about twice the one before

	mu    sync.Mutex
	waits map[thing]*wait
}

type wait struct {
	left   []Left    // at least one
	since  time.Time // it is here
	seen   time.Time // it was there at a look at the outbox
	due    time.Time
	never  bool // not in this run
	pauses backoff.ExponentialBackOff
}

func newSchedule(first time.Duration) *schedule {
	return &schedule{first: first, waits: make(map[thing]*wait)}
}

// add puts off a thing in which that is left; never: beyond this run. first is true
// for the first time; news are those of left that were not left there before, or for
// another reason.
func (s *schedule) add(t thing, left []Left, never bool) (first bool, news []Left) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w, known := s.waits[t]
	if !known {
		w = &wait{since: now, pauses: backoff.ExponentialBackOff{
			InitialInterval: s.first, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: max(s.first, mostPause),
		}}
		s.waits[t] = w
	}
	said := make(map[string]string, len(w.left))
	for _, l := range w.left {
		said[l.Name] = l.Err.Error()
	}
	for _, l := range left {
		if said[l.Name] != l.Err.Error() {
			news = append(news, l)
		}
	}
	w.left, w.never, w.seen = left, never, now
	w.due = latest(now.Add(w.pauses.NextBackOff()), until(left))
	return !known, news
}

// until returns when the first of those that a quota holds back may go, zero where
// another reason holds one back.
func until(left []Left) (first time.Time) {
	for _, l := range left {
		var postponed *courier.PostponedError
		if !errors.As(l.Err, &postponed) || postponed.Until.IsZero() {
			return time.Time{}
		}
		if first.IsZero() || postponed.Until.Before(first) {
			first = postponed.Until
		}
	}
	return first
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// state tells whether something that is there is put off, and if so, whether it is
// time for another try.
func (s *schedule) state(t thing) (putOff, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, putOff := s.waits[t]
	if !putOff {
		return false, false
	}
	now := time.Now()
	w.seen = now
	return true, !w.never && !now.Before(w.due)
}

func (s *schedule) forget(t thing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waits, t)
}

// keepFiles and keepGroups forget what was there before a look that began at a time
// and was not seen since: another client has brought it to its end. The latter
// returns how much waits for another try.
func (s *schedule) keepFiles(looked time.Time) {
	s.keep(func(t thing, w *wait) bool { return t.name == "" || !w.seen.Before(looked) })
}

func (s *schedule) keepGroups(looked time.Time) (waiting int) {
	s.keep(func(t thing, w *wait) bool {
		keep := t.name != "" || !w.seen.Before(looked)
		if keep && !w.never {
			waiting++
		}
		return keep
	})
	return waiting
}

func (s *schedule) keep(stays func(thing, *wait) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, w := range s.waits {
		if !stays(t, w) {
			delete(s.waits, t)
		}
	}
}

// left lists what is put off, what has waited longest first.
func (s *schedule) left() (left []Left) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := make([]*wait, 0, len(s.waits))
	for _, w := range s.waits {
		waits = append(waits, w)
	}
	slices.SortFunc(waits, func(a, b *wait) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.left[0].Name, b.left[0].Name))
	})
	for _, w := range waits {
		left = append(left, w.left...)
	}
	return left
}

// mostNamed is how many messages of one group are named when they are put off.
const mostNamed = 8

// leave puts off a group, or a file that could not be claimed. Each message in it is
// named when this begins and when its reason changes; of very many the first.
func (o *run) leave(t thing, left []Left, never bool) {
	first, news := o.later.add(t, left, never)
	if first {
		o.progress() // it has had a try of its own
	}
	text := "message waits, others go first"
	if never {
		text = "message left in the outbox"
	}
	for _, l := range news[:min(len(news), mostNamed)] {
		event := o.Log.Warn().Str("name", message.Visible(l.Name)).Str("reason", message.Visible(l.Err.Error()))
		if l.ID != (message.ID{}) {
			event = event.Stringer("id", l.ID)
		}
		event.Msg(text)
	}
	if more := len(news) - mostNamed; more > 0 {
		o.Log.Warn().Int("messages", more).Stringer("group", t.group).Msg("more messages of its group wait, too")
	}
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
