package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/remedy"
	"sealpost/services/server/state"
)

// readiness says whether messages can be kept now: to the log, and to whoever
// asks over HTTP.
type readiness struct {
	book logbook.Logbook
	st   *state.State
	log  zerolog.Logger
	told string // the last reason in the log
}

// reason is nil, or why the server is not ready.
func (r *readiness) reason() error { return errors.Join(r.book.Ready(), r.st.Check()) }

// watch logs what changes about the logbook until ctx ends. The follower does so
// for the state.
func (r *readiness) watch(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		r.tell(r.book.Ready())
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
		complaint(r.log, err).Msg("not ready: no message can be kept")
	default:
		r.log.Info().Msg("ready again")
	}
	r.told = text
}

// complaint begins a line of the log about err, with the remedy where one is known.
func complaint(log zerolog.Logger, err error) *zerolog.Event {
	event := log.Error().Err(err)
	if hint := remedy.For(err); hint != "" {
		event = event.Str("hint", hint)
	}
	return event
}
