//go:build unix

package cli

import (
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/client/outbox"
	"sealpost/shared/admin"
)

// errNotWatched means that the client has only begun.
var errNotWatched = errors.New("the outbox was not looked at yet")

// watched is what a client that watches tells of its outbox. It is ready while it
// watches, the last survey of the outbox went well, and nothing is known against the
// server: the last attempt to connect, if there was one, succeeded.
type watched struct {
	waiting, oldest, success prometheus.Gauge
	sent, refused            prometheus.Counter

	mu          sync.Mutex
	looked      bool  // the outbox is watched
	surveyed    error // the last survey
	unreachable string
}

func newWatched(reg prometheus.Registerer) *watched {
	w := &watched{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_outbox_waiting_files",
			Help: "Messages in the outbox, at the last survey, in whichever client's hands."}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_outbox_oldest_waiting_timestamp_seconds",
			Help: "Since when the file lies there that waits longest, at the last survey; 0: none waits."}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_outbox_sent_total", Help: "Messages sent by this client since its start, their receipts kept."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_outbox_refused_total", Help: "Messages of this client refused for good since its start."}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_outbox_last_success_timestamp_seconds",
			Help: "When this client kept a receipt last; 0: not since its start."}),
	}
	reg.MustRegister(w.waiting, w.oldest, w.sent, w.refused, w.success)
	return w
}

func (w *watched) surveyedAs(b outbox.Backlog, err error) {
	if err == nil {
		w.waiting.Set(float64(b.Files))
		w.oldest.Set(admin.Seconds(b.Oldest))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.surveyed = err
}

// look notes that the outbox is watched.
func (w *watched) look() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = true
}

func (w *watched) reached(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unreachable = reason
}

// settled counts a message that has come to its end.
func (w *watched) settled(s outbox.Result) {
	switch {
	case w == nil:
	case s.Refused != "":
		w.refused.Inc()
	default:
		w.sent.Inc()
		w.success.SetToCurrentTime()
	}
}

// ready is nil, or why the client cannot send now.
func (w *watched) ready() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.looked:
		return errNotWatched
	case w.surveyed != nil:
		return fmt.Errorf("the outbox cannot be looked through: %w", w.surveyed)
	case w.unreachable != "":
		return &unreachedError{w.unreachable}
	}
	return nil
}
