package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/admin"
)

// countMissing makes the metric of recorded messages whose log file is gone.
func countMissing(reg prometheus.Registerer) func(number uint64) {
	missing := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sealpost_log_files_missing_total",
		Help: "Messages whose log file was neither staged nor in its place when a start replayed their records."})
	reg.MustRegister(missing)
	return func(uint64) { missing.Inc() }
}

// countRetired makes the metrics of messages that are retired.
func countRetired(reg prometheus.Registerer) func(messages, bytes uint64) {
	retired := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sealpost_retired_messages_total", Help: "Messages retired, by the policy or by command, since the start."})
	freed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sealpost_retired_bytes_total", Help: "Bytes of log files removed of retired messages since the start."})
	reg.MustRegister(retired, freed)
	return func(messages, bytes uint64) {
		retired.Add(float64(messages))
		freed.Add(float64(bytes))
	}
}

// gaugeParts makes the metric of parts of large messages that were cut off.
func gaugeParts(reg prometheus.Registerer) func(bytes uint64) {
	held := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sealpost_parts_bytes", Help: "Bytes on the volume of large messages that were cut off, kept for another try."})
	reg.MustRegister(held)
	return func(bytes uint64) { held.Set(float64(bytes)) }
}

// watchCommitter makes the metrics of groups and of the time that their steps take. They are fed
// once a group, since time for each message is time that senders wait.
func watchCommitter(reg prometheus.Registerer) local.Watch {
	groups := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "sealpost_group_messages", Help: "Messages that were made durable together.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 11)})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sealpost_commit_step_seconds", Help: "Time that a step takes for a whole group, by step.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9)}, []string{"step"})
	reg.MustRegister(groups, took)
	steps := make(map[local.Step]prometheus.Observer)
	for _, step := range local.Steps() {
		steps[step] = took.WithLabelValues(step.String())
	}
	return local.Watch{
		Group: func(messages int) { groups.Observe(float64(messages)) },
		Step:  func(step local.Step, took time.Duration) { steps[step].Observe(took.Seconds()) },
	}
}

// registerIdentity makes the metric of the identity's age.
func registerIdentity(reg prometheus.Registerer, st *state.State) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sealpost_identity_created_timestamp_seconds",
		Help: "When the identity in use was made, by the date of its file, Unix time.",
	}, func() float64 { return admin.Seconds(st.IdentityMade()) }))
}
