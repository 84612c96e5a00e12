package replicated

import (
	"errors"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/fold"
)

// Watch hears how entries fare. It is called by several goroutines at once, for each entry, and
// must not wait for anything. What is nil hears nothing.
type Watch struct {
	Acknowledged func(took time.Duration) // an entry is in the log, so long after this server published it
	Answered     func(took time.Duration) // who sent a message is answered, so long after its acknowledgement
	Again        func()                   // an entry is published again, for want of an acknowledgement
	Repeat       func()                   // a message in the log was kept before
	Conflict     func()                   // a message in the log has the id of another one
	Void         func()                   // an entry of the log does not count
}

func (w Watch) withDefaults() Watch {
	for _, hears := range []*func(time.Duration){&w.Acknowledged, &w.Answered} {
		if *hears == nil {
			*hears = func(time.Duration) {}
		}
	}
	for _, hears := range []*func(){&w.Again, &w.Repeat, &w.Conflict, &w.Void} {
		if *hears == nil {
			*hears = func() {}
		}
	}
	return w
}

// watchedLog is a log whose acknowledgements are timed.
type watchedLog struct {
	Log
	watch Watch
}

// Publish adds an entry.
func (l watchedLog) Publish(data []byte, done func(position uint64, err error)) {
	began := time.Now()
	l.Log.Publish(data, func(position uint64, err error) {
		if err == nil {
			l.watch.Acknowledged(time.Since(began))
		}
		done(position, err)
	})
}

// sinceAcknowledged is for how long the log has said that a message is there; 0 where the
// message was read before the log said so.
func (w *waiter) sinceAcknowledged() time.Duration {
	if w.acked.IsZero() {
		return 0
	}
	return time.Since(w.acked)
}

// count tells the watch what came of a message. An entry that this server reads again, also
// after a start, is no repeat of itself.
func (p *passing) count(step fold.Step, facts logbook.Facts, err error) {
	switch {
	case errors.Is(err, logbook.ErrMismatch):
		p.countVoid(step)
	case step.Position <= p.again:
	case errors.Is(err, logbook.ErrConflict):
		p.cfg.Watch.Conflict()
	case err == nil && facts.Repeat && !facts.Entry.ReceivedAt.Equal(step.Time):
		p.cfg.Watch.Repeat()
	}
}

func (p *passing) countVoid(step fold.Step) {
	if step.Position > p.again {
		p.cfg.Watch.Void()
	}
}
