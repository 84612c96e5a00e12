package intake

import (
	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
)

// Metrics are the intake's counters. What can be counted is there from the start, at zero.
type Metrics struct {
	Connections   prometheus.Gauge
	Messages      *prometheus.CounterVec // by wire and outcome: kept, repeat
	Refusals      *prometheus.CounterVec // by code
	Closed        *prometheus.CounterVec // by reason, connections that ended badly
	LogInFailures prometheus.Counter
	Bytes         prometheus.Counter
	Resumed       prometheus.Counter
	Commit        prometheus.Histogram

	senders                    *senderMetrics
	fresh, repeated, fresh2012 prometheus.Counter // of Messages
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
		LogInFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_login_failures_total", Help: "Log-ins that showed no valid token."}),
		Bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_message_bytes_total", Help: "Bytes of the messages kept, deciphered."}),
		Resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sealpost_resumed_bytes_total",
			Help: "Bytes of messages that need not be sent again, as they were kept when a connection broke."}),
		Commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sealpost_commit_seconds", Help: "Time from the last byte of a message to its number.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		senders: newSenderMetrics(reg),
	}
	reg.MustRegister(m.Connections, m.Messages, m.Refusals, m.Closed, m.LogInFailures, m.Bytes, m.Resumed, m.Commit)
	m.makeZeros()
	return m
}

// makeZeros has every value of every label counted from the start: a rate needs a value before the
// first event.
func (m *Metrics) makeZeros() {
	m.fresh = m.Messages.WithLabelValues("sealpost", "kept")
	m.repeated = m.Messages.WithLabelValues("sealpost", "repeat")
	m.fresh2012 = m.Messages.WithLabelValues("2012", "kept") // each message is a new one there
	for _, code := range framing.Codes() {
		m.Closed.WithLabelValues(code.String()) // of a message too, on the 2012 wire
		if class := code.Class(); class == framing.ClassMessage || class == framing.ClassMessageLater {
			m.Refusals.WithLabelValues(code.String())
		}
	}
	for _, reason := range closedReasons {
		m.Closed.WithLabelValues(reason)
	}
}

// Know gives senders labels of their own, as many as may have some, and takes them from all others.
// Messages of those without are counted together.
func (m *Metrics) Know(senders []string) { m.senders.know(senders) }

// kept counts a message of the sealpost wire.
func (m *Metrics) kept(f *logbook.Facts) {
	if f.Repeat {
		m.repeated.Inc()
		return
	}
	m.fresh.Inc()
	m.stored(&f.Entry)
}

func (m *Metrics) kept2012(f *logbook.Facts) {
	m.fresh2012.Inc()
	m.stored(&f.Entry)
}

func (m *Metrics) stored(e *logfile.Entry) {
	m.Bytes.Add(float64(e.Size))
	m.senders.of(e.Sender).kept(e)
}

func (m *Metrics) refused(sender string, code framing.Code) {
	m.Refusals.WithLabelValues(code.String()).Inc()
	m.senders.of(sender).refusals.Inc()
}

func (m *Metrics) ended(reason string) { m.Closed.WithLabelValues(reason).Inc() }
