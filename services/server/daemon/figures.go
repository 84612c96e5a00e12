package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook/local"
	"sealpost/shared/admin"
)

// figures shows what the logbook says of itself, asked once a scrape. While it is not open, as on a
// server that stands by, only that is shown.
type figures struct {
	ask func() (f local.Figures, open bool)
}

var (
	servingDesc = prometheus.NewDesc("sealpost_serving",
		"1 while this server has the logbook open; 0 while it stands by for it.", nil, nil)
	nextDesc = prometheus.NewDesc("sealpost_next_number",
		"Number of the next message: so many were kept since the logbook began.", nil, nil)
	oldestDesc = prometheus.NewDesc("sealpost_oldest_message_timestamp_seconds",
		"When the oldest message that is not retired was received, Unix time; 0: there is none.", nil, nil)
	newestDesc = prometheus.NewDesc("sealpost_newest_message_timestamp_seconds",
		"When the last message was received, Unix time; 0: there is none.", nil, nil)
	queueDesc = prometheus.NewDesc("sealpost_commit_queue_messages",
		"Messages that came whole and wait to be committed.", nil, nil)
	queueBytesDesc = prometheus.NewDesc("sealpost_commit_queue_bytes",
		"Bytes of memory that count for messages that wait to be committed.", nil, nil)
	queueFullDesc = prometheus.NewDesc("sealpost_commit_queue_full",
		"1 while sessions wait with their messages for room in the queue.", nil, nil)
	stagedDesc = prometheus.NewDesc("sealpost_staged_bytes",
		"Bytes of the volume that messages on their way in hold, or are promised.", nil, nil)
	stagedLimitDesc = prometheus.NewDesc("sealpost_staged_limit_bytes",
		"Bytes of the volume that those of one sender may hold; all together a third more.", nil, nil)
	fileDesc = prometheus.NewDesc("sealpost_logbook_file_bytes",
		"Size of a file of the logbook itself: manifest, tree, index or records.", []string{"file"}, nil)
)

// Describe implements prometheus.Collector.
func (c figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{servingDesc, nextDesc, oldestDesc, newestDesc, queueDesc, queueBytesDesc,
		queueFullDesc, stagedDesc, stagedLimitDesc, fileDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c figures) Collect(to chan<- prometheus.Metric) {
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	f, open := c.ask()
	show(servingDesc, admin.OneIf(open))
	if !open {
		return
	}
	show(nextDesc, float64(f.Next))
	show(oldestDesc, admin.Seconds(f.Oldest))
	show(newestDesc, admin.Seconds(f.Newest))
	show(queueDesc, float64(f.Queued.Messages))
	show(queueBytesDesc, float64(f.Queued.Bytes))
	show(queueFullDesc, admin.OneIf(f.Queued.Full))
	show(stagedDesc, float64(f.Staged))
	show(stagedLimitDesc, float64(f.StagedLimit))
	for name, size := range f.Files {
		show(fileDesc, float64(size), name)
	}
}
