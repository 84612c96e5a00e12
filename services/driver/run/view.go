package run

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/shared/admin"
)

// errNoPass means that the driver has only begun.
var errNoPass = errors.New("nothing was collected yet: the first pass has not ended")

// view is what a driver that follows tells of itself. It is ready while its last look
// at the server, with the pass behind it where there was something new, went well. What
// passes call does nothing to a nil one.
type view struct {
	dir       string
	pinned    bool            // what is due is what a checkpoint has shown to be signed
	handing   *handon.Handing // nil where nothing is handed on
	collected prometheus.Counter
	success   prometheus.Gauge

	reached, named, signed atomic.Uint64 // messages: passed; in the manifest; in the newest checkpoint

	mu      sync.Mutex
	trouble error // of the last round
}

func newView(dir string, pinned bool) *view {
	return &view{
		dir: dir, pinned: pinned, trouble: errNoPass,
		collected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_collector_collected_total", Help: "Log files collected since the start."}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_collector_last_success_timestamp_seconds",
			Help: "When all that the server showed was there last; 0: not since the start."}),
	}
}

// startView serves the view, if that is set.
func (d *driver) startView(ctx context.Context) (*admin.Endpoint, error) {
	d.view.handing = d.handing
	registry := admin.NewRegistry()
	d.view.register(registry)
	hint := d.hint
	if hint == nil {
		hint = func(error) string { return "" }
	}
	return admin.Start(ctx, admin.Config{
		Setting: Prefix + "_ADMIN_LISTEN", Listen: d.AdminListen,
		Ready: d.view.ready, Hint: hint, Registry: registry, Log: d.log,
	})
}

func (v *view) register(reg prometheus.Registerer) {
	reg.MustRegister(v.collected, v.success,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "sealpost_collector_handed_on_total", Help: "Messages handed on since the start.",
		}, func() float64 { return float64(v.handing.Count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sealpost_collector_owed_messages", Help: "Messages on the list of what is owed.",
		}, v.owed),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sealpost_collector_behind_messages",
			Help: "Messages that the newest checkpoint signs and that were not handed on, or collected, in their turn.",
		}, v.behind),
	)
}

// owed counts what is on the list, 0 where that cannot be read: passes tell why.
func (v *view) owed() float64 {
	out, err := collector.OpenOutput(v.dir)
	if err != nil {
		return 0
	}
	defer out.Close()
	owed, err := out.Owed()
	if err != nil {
		return 0
	}
	return float64(owed.Count())
}

// behind is how far the position is from where it is to be: that of handing on, where
// that is set, else that of collecting.
func (v *view) behind() float64 {
	at, due := v.reached.Load(), v.named.Load()
	if v.pinned {
		due = v.signed.Load()
	}
	if v.handing != nil {
		next, known := v.handing.Position()
		if !known {
			return 0 // nothing is known to be there yet
		}
		at = next
	}
	return float64(due - min(due, at))
}

// tell has the view hear of what a pass with that configuration reaches.
func (v *view) tell(config *collector.Config) {
	if v == nil {
		return
	}
	config.Reached = func(messages, of uint64) {
		raise(&v.reached, messages)
		raise(&v.named, of)
	}
}

// came counts a log file that was collected.
func (v *view) came() {
	if v != nil {
		v.collected.Inc()
	}
}

// signs notes what the server's checkpoint signs; nil where it has none that can be
// gone by.
func (v *view) signs(c *opened) {
	if v != nil && c != nil {
		raise(&v.signed, c.Size)
	}
}

// raise sets a number that only grows. One pass at a time does so.
func raise(n *atomic.Uint64, to uint64) { n.Store(max(n.Load(), to)) }

// ended notes how a round ended.
func (v *view) ended(err error) {
	if err == nil {
		v.success.SetToCurrentTime()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = err
}

// ready is nil, or why the driver does not collect now.
func (v *view) ready() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trouble
}
