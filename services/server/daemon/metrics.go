package daemon

import "github.com/prometheus/client_golang/prometheus"

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

// registerQueue makes the metrics of what waits to be committed.
func registerQueue(reg prometheus.Registerer, queued func() (messages int, full bool)) {
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sealpost_commit_queue_messages", Help: "Messages that came whole and wait to be committed.",
		}, func() float64 {
			messages, _ := queued()
			return float64(messages)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sealpost_commit_queue_full", Help: "1 while sessions wait with their messages for room in the queue.",
		}, func() float64 {
			if _, full := queued(); full {
				return 1
			}
			return 0
		}),
	)
}
