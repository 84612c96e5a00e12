package daemon

import (
	"context"
	"errors"
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
	st   *state.State
	log  zerolog.Logger
	sums *floods.Sums
	told string // the last reason in the log
}

// reason is nil, or why the server is not ready.
func (r *readiness) reason() error {
	return errors.Join(r.book.Ready(), r.st.Check(), checkDescriptors())
}

// watch logs what changes about the logbook and the descriptors until ctx ends.
// The follower does so for the state.
func (r *readiness) watch(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		r.tell(errors.Join(r.book.Ready(), checkDescriptors()))
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
