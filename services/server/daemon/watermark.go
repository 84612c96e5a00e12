package daemon

import (
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
)

// watermark keeps the number of messages in the state volume, at most
// watermarkEvery old, so that a log volume restored from an earlier day is
// noticed at the next start.
type watermark struct {
	*local.Logbook
	st    *state.State
	log   zerolog.Logger
	known uint64
	stop  chan struct{}
	ended chan struct{}
}

var _ logbook.Logbook = (*watermark)(nil)

func watched(book *local.Logbook, st *state.State, log zerolog.Logger) *watermark {
	w := &watermark{Logbook: book, st: st, log: log, stop: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

func (w *watermark) run() {
	defer close(w.ended)
	tick := time.NewTicker(watermarkEvery)
	defer tick.Stop()
	for {
		w.note()
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
	}
}

func (w *watermark) note() {
	n := w.Len()
	if n == w.known {
		return
	}
	if err := w.st.SetWatermark(n); err != nil {
		w.log.Error().Err(err).Msg("the number of messages cannot be kept in the state volume")
		return
	}
	w.known = n
}

// Close notes the last number and closes the logbook.
func (w *watermark) Close() error {
	close(w.stop)
	<-w.ended
	w.note()
	return w.Logbook.Close()
}
