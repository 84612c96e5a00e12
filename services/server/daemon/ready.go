package daemon

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/remedy"
	"sealpost/services/server/state"
	"sealpost/shared/logging/floods"
)

// readiness says whether messages can be kept now: to the log, and to whoever
// asks over HTTP.
type readiness struct {
	book logbook.Logbook
	room func() error // of the log volume, for a message of the largest size
	st   *state.State
	logs *volume
	// The follower tells of the state's files, and this of the room for them.
	state *volume
	log   zerolog.Logger
	sums  *floods.Sums
	told  string // the last reason in the log
}

// reason is nil, or why the server is not ready.
func (r *readiness) reason() error { return joined(r.causes()) }

// causes are all that must be nil for the server to be ready.
func (r *readiness) causes() []cause {
	return append(r.watched(), cause{causeState, r.st.Check()})
}

// watched are those of them that watch tells of.
func (r *readiness) watched() []cause {
	return []cause{r.ofLogbook(), {causeRoom, r.state.short()}, {causeDescriptors, checkDescriptors()}}
}

// ofLogbook asks for room where nothing else is wrong. Only readiness suffers for the
// want of that: messages that fit are kept.
func (r *readiness) ofLogbook() cause {
	if err := r.book.Ready(); err != nil {
		return cause{labelOf(err), err}
	}
	return cause{causeRoom, r.room()}
}

// watch logs what changes about the logbook, the descriptors and the room of both
// volumes until ctx ends. The follower does so for the state's files.
func (r *readiness) watch(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		r.tell(joined(r.watched()))
		r.logs.watch(r.log)
		r.state.watch(r.log)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *readiness) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == r.told:
	case err != nil:
		if what := "not ready: messages cannot be kept, or soon may not be"; r.pass(zerolog.ErrorLevel, what) {
			complaint(r.log, err).Msg(what)
		}
	default:
		if what := "ready again"; r.pass(zerolog.InfoLevel, what) {
			r.log.Info().Msg(what)
		}
	}
	r.told = text
}

// pass reports whether a change is to have a line: a full volume changes again
// and again.
func (r *readiness) pass(level zerolog.Level, what string) bool {
	return r.sums.Pass(floods.Event{Level: level, What: what})
}

// complaint begins a line of the log about err, with the remedy where one is known.
func complaint(log zerolog.Logger, err error) *zerolog.Event {
	event := log.Error().Err(err)
	if hint := remedy.For(err); hint != "" {
		event = event.Str("hint", hint)
	}
	return event
}
