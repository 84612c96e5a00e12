// Package floods keeps a log readable, and the disk under it free, when one
// event comes again and again: a neighbour who connects and leaves, a sender
// whose messages are all refused.
//
// Guaranteed: of one kind of event from one source the first Shown of each
// period pass, and all others of that period are told in one line with their
// number, so that nothing is left uncounted once Flush was called. At most
// MaxSources are told apart; what comes from others is summed up together, by
// kind. Not guaranteed: that the line of each single event is there. What must
// have a line of its own, as a message that was kept, is not to be asked about
// here.
package floods

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	Shown      = 10          // events of one kind and source that pass in each period
	Period     = time.Minute // after which they are summed up
	MaxSources = 512         // pairs of kind and source that are told apart in a period
)

// Others is the source of what is not told apart.
const Others = "others"

// Event is one that may come again and again. All of it but Who must be the
// program's own words: of those there are few.
type Event struct {
	Level  zerolog.Level
	What   string // the message of its log line
	Reason string // that tells kinds with one message apart, or ""
	By     string // what Who is: "address", "sender"; "" where there is one source alone
	Who    string
}

// Sums counts events. Its methods may be called at once.
type Sums struct {
	log zerolog.Logger
	now func() time.Time

	mu    sync.Mutex
	begun time.Time // the period
	count map[Event]uint64
}

// New returns one that writes its sums to log; now is the clock.
func New(log zerolog.Logger, now func() time.Time) *Sums {
	return &Sums{log: log, now: now, begun: now(), count: make(map[Event]uint64)}
}

// Pass counts an event and reports whether its own line is to be written.
func (s *Sums) Pass(e Event) bool {
	now := s.now()
	s.mu.Lock()
	over := s.over(now, Period)
	pass := s.add(e)
	s.mu.Unlock()
	s.tell(over)
	return pass
}

// Line begins a line of log about an event that nobody causes, or returns nil if it was
// logged often enough.
func (s *Sums) Line(log zerolog.Logger, level zerolog.Level, what string) *zerolog.Event {
	if !s.Pass(Event{Level: level, What: what}) {
		return nil
	}
	return log.WithLevel(level)
}

// add is called with mu held.
func (s *Sums) add(e Event) (pass bool) {
	if _, known := s.count[e]; !known && len(s.count) >= MaxSources {
		e.By, e.Who = Others, Others
	}
	s.count[e]++
	return s.count[e] <= Shown
}

// Run sums up after each period, until ctx ends.
func (s *Sums) Run(ctx context.Context) {
	tick := time.NewTicker(Period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sumUp(Period)
		case <-ctx.Done():
			return
		}
	}
}

// Flush sums up what was counted so far.
func (s *Sums) Flush() { s.sumUp(0) }

func (s *Sums) sumUp(least time.Duration) {
	now := s.now()
	s.mu.Lock()
	over := s.over(now, least)
	s.mu.Unlock()
	s.tell(over)
}

// period is one that is over.
type period struct {
	length time.Duration
	count  map[Event]uint64
}

// over ends the period, if it has the least length. It is called with mu held.
func (s *Sums) over(now time.Time, least time.Duration) period {
	p := period{length: now.Sub(s.begun)}
	if p.length < least {
		return period{}
	}
	s.begun = now
	if len(s.count) > 0 {
		p.count, s.count = s.count, make(map[Event]uint64)
	}
	return p
}

// tell writes a line for each sum. Nobody who counts waits for it.
func (s *Sums) tell(p period) {
	var events []Event
	for e, n := range p.count {
		if n > Shown {
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.By, b.By),
			cmp.Compare(a.Who, b.Who))
	})
	for _, e := range events {
		s.line(e, p.count[e]-Shown, p.length)
	}
}

func (s *Sums) line(e Event, more uint64, length time.Duration) {
	event := s.log.WithLevel(e.Level).Str("kind", e.What).Uint64("count", more)
	if e.Reason != "" {
		event = event.Str("reason", e.Reason)
	}
	if e.By != "" {
		event = event.Str(e.By, e.Who)
	}
	event.Msg(fmt.Sprintf("... and %d more in %.0f s", more, length.Seconds()))
}
