package intake

import (
	"github.com/prometheus/client_golang/prometheus"

	"sealpost/shared/framing"
)

// Metrics are the intake's counters.
type Metrics struct {
	Connections prometheus.Gauge
	Messages    *prometheus.CounterVec // by wire and outcome: kept, repeat
	Refusals    *prometheus.CounterVec // by code
	Closed      *prometheus.CounterVec // by reason, connections that ended badly
	Bytes       prometheus.Counter
	Resumed     prometheus.Counter
	Commit      prometheus.Histogram
}

// NewMetrics makes the counters and registers them with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		Connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_connections", Help: "Connections open now, on both wires."}),
		Messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_messages_total", Help: "Messages answered with a receipt, by wire and outcome."},
			[]string{"wire", "outcome"}),
		Refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_refusals_total", Help: "Messages refused, by code."}, []string{"code"}),
		Closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_connections_closed_total", Help: "Connections that the server ended, by reason."},
			[]string{"reason"}),
		Bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_message_bytes_total", Help: "Bytes of the messages kept, deciphered."}),
		Resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_resumed_bytes_total",
			Help: "Bytes of messages that need not be sent again, as they were kept when a connection broke."}),
		Commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sealpost_commit_seconds", Help: "Time from the last byte of a message to its number.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
	}
	reg.MustRegister(m.Connections, m.Messages, m.Refusals, m.Closed, m.Bytes, m.Resumed, m.Commit)
	return m
}

func (m *Metrics) kept(wire string, repeat bool, size uint64) {
	outcome := "kept"
	if repeat {
		outcome = "repeat"
	} else {
		m.Bytes.Add(float64(size))
	}
	m.Messages.WithLabelValues(wire, outcome).Inc()
}

func (m *Metrics) refused(code framing.Code) { m.Refusals.WithLabelValues(code.String()).Inc() }

func (m *Metrics) ended(reason string) { m.Closed.WithLabelValues(reason).Inc() }
