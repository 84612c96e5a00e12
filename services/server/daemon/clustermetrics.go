package daemon

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook/replicated"
	"sealpost/shared/admin"
)

// clusterFigures shows what a logbook on several servers says of the log that they share, asked
// once a scrape. While it is not open there is nothing to show.
type clusterFigures struct {
	ask func() (f replicated.Figures, open bool)
}

// registerCluster makes the metrics of a logbook on several servers that are asked for.
func registerCluster(reg prometheus.Registerer, ask func() (replicated.Figures, bool)) {
	reg.MustRegister(clusterFigures{ask})
}

var (
	clusterPositionDesc = prometheus.NewDesc("sealpost_cluster_position",
		"Position in the replicated log up to which this server keeps everything.", nil, nil)
	clusterLogPositionDesc = prometheus.NewDesc("sealpost_cluster_log_position",
		"Position of the newest entry of the replicated log that this server knows of.", nil, nil)
	clusterLagDesc = prometheus.NewDesc("sealpost_cluster_lag_entries",
		"Entries of the replicated log that this server has not passed; NaN: the log does not answer.", nil, nil)
	clusterLagSecondsDesc = prometheus.NewDesc("sealpost_cluster_lag_seconds",
		"Age of the oldest entry that this server has not passed; NaN: the log does not answer.", nil, nil)
	clusterWaitingDesc = prometheus.NewDesc("sealpost_cluster_waiting_messages",
		"Messages that this server has published to the replicated log and not answered yet.", nil, nil)
	clusterLogBytesDesc = prometheus.NewDesc("sealpost_cluster_log_bytes",
		"Bytes of the replicated log.", nil, nil)
	clusterLogLimitDesc = prometheus.NewDesc("sealpost_cluster_log_limit_bytes",
		"Bytes that the replicated log takes; +Inf where there is no limit.", nil, nil)
	clusterNodesDesc = prometheus.NewDesc("sealpost_cluster_nodes",
		"Nodes that keep the replicated log, whether they are there or not.", nil, nil)
	clusterMissingDesc = prometheus.NewDesc("sealpost_cluster_nodes_missing",
		"Nodes of the replicated log that are not there.", nil, nil)
	clusterServersDesc = prometheus.NewDesc("sealpost_cluster_servers",
		"Servers that count in the replicated log.", nil, nil)
	clusterServerDesc = prometheus.NewDesc("sealpost_cluster_server_position",
		"Position up to which a server that counts has said that it keeps everything.", []string{"server"}, nil)
	clusterAuditDesc = prometheus.NewDesc("sealpost_cluster_audit",
		"1 for each thing that is wrong with the replicated log, or for ok.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (c clusterFigures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{clusterPositionDesc, clusterLogPositionDesc, clusterLagDesc,
		clusterLagSecondsDesc, clusterWaitingDesc, clusterLogBytesDesc, clusterLogLimitDesc, clusterNodesDesc,
		clusterMissingDesc, clusterServersDesc, clusterServerDesc, clusterAuditDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c clusterFigures) Collect(to chan<- prometheus.Metric) {
	f, open := c.ask()
	if !open {
		return
	}
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	lag, behind := float64(f.Lag()), f.Behind.Seconds()
	if !f.Known {
		lag, behind = math.NaN(), math.NaN()
	}
	show(clusterPositionDesc, float64(f.Position))
	show(clusterLogPositionDesc, float64(f.Last))
	show(clusterLagDesc, lag)
	show(clusterLagSecondsDesc, behind)
	show(clusterWaitingDesc, float64(f.Waiting))
	show(clusterLogBytesDesc, float64(f.Bytes))
	show(clusterLogLimitDesc, limit(f.MaxBytes))
	show(clusterNodesDesc, float64(f.Nodes))
	show(clusterMissingDesc, float64(f.Missing))
	show(clusterServersDesc, float64(len(f.Servers)))
	for name, is := range f.Servers {
		show(clusterServerDesc, float64(is.Durable), name)
	}
	for state, is := range audit(f.Audit) {
		show(clusterAuditDesc, admin.OneIf(is), state)
	}
}

// limit is infinite where there is none.
func limit(bytes uint64) float64 {
	if bytes == 0 {
		return math.Inf(1)
	}
	return float64(bytes)
}

// auditOK is the state of a log with which nothing is wrong.
const auditOK = "ok"

// audit says of each state of a log whether it is that.
func audit(found []replicated.Finding) map[string]bool {
	is := map[string]bool{auditOK: len(found) == 0}
	for _, of := range replicated.Findings() {
		is[string(of)] = slices.Contains(found, of)
	}
	return is
}

// watchCluster makes the metrics of a logbook on several servers that are fed by what happens.
func watchCluster(reg prometheus.Registerer) replicated.Watch {
	seconds := func(opts prometheus.HistogramOpts) func(time.Duration) {
		opts.Buckets = prometheus.ExponentialBuckets(0.0005, 2, 16)
		took := prometheus.NewHistogram(opts)
		reg.MustRegister(took)
		return func(d time.Duration) { took.Observe(d.Seconds()) }
	}
	count := func(opts prometheus.CounterOpts) func() {
		counter := prometheus.NewCounter(opts)
		reg.MustRegister(counter)
		return counter.Inc
	}
	return replicated.Watch{
		Acknowledged: seconds(prometheus.HistogramOpts{
			Name: "sealpost_cluster_acknowledgement_seconds",
			Help: "Time from the publishing of an entry until the replicated log has acknowledged it."}),
		Answered: seconds(prometheus.HistogramOpts{
			Name: "sealpost_cluster_answer_seconds",
			Help: "Time from the acknowledgement of a message's entry until this server has read and kept it."}),
		Again: count(prometheus.CounterOpts{
			Name: "sealpost_cluster_published_again_total",
			Help: "Entries published again since the start, for want of an acknowledgement."}),
		Repeat: count(prometheus.CounterOpts{
			Name: "sealpost_cluster_repeats_total",
			Help: "Messages in the replicated log that were kept before, since the start."}),
		Conflict: count(prometheus.CounterOpts{
			Name: "sealpost_cluster_conflicts_total",
			Help: "Messages in the replicated log with the id of another one, since the start."}),
		Void: count(prometheus.CounterOpts{
			Name: "sealpost_cluster_voids_total",
			Help: "Entries of the replicated log that do not count, since the start."}),
	}
}
