package intake

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/shared/logfile"
)

const (
	// maxNamed is how many senders have labels of their own: four series each.
	maxNamed = 256
	// otherSenders stands for all others; no sender can have this name.
	otherSenders = "(others)"
)

// senderMetrics count by sender. A label is the name of a sender that the operator has added, never
// what a peer calls itself.
type senderMetrics struct {
	messages, bytes, refusals *prometheus.CounterVec
	last                      *prometheus.GaugeVec

	others *senderCounts
	mu     sync.Mutex                               // of a change
	named  atomic.Pointer[map[string]*senderCounts] // never changed, but replaced
}

// senderCounts are those of one sender.
type senderCounts struct {
	messages, bytes, refusals prometheus.Counter
	last                      prometheus.Gauge
}

func newSenderMetrics(reg prometheus.Registerer) *senderMetrics {
	by := []string{"sender"}
	m := &senderMetrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_sender_messages_total", Help: "Messages kept, by sender; repeats are not counted."}, by),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_sender_message_bytes_total", Help: "Bytes of the messages kept, deciphered, by sender."}, by),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealpost_sender_refusals_total", Help: "Messages refused, by sender."}, by),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sealpost_sender_last_message_timestamp_seconds",
			Help: "When the last message that is kept was received, Unix time, by sender; 0: none since the start."}, by),
	}
	reg.MustRegister(m.messages, m.bytes, m.refusals, m.last)
	m.others = m.countsOf(otherSenders)
	m.named.Store(&map[string]*senderCounts{})
	return m
}

func (m *senderMetrics) countsOf(label string) *senderCounts {
	return &senderCounts{m.messages.WithLabelValues(label), m.bytes.WithLabelValues(label),
		m.refusals.WithLabelValues(label), m.last.WithLabelValues(label)}
}

// of costs a look into a map, since it is asked for each message.
func (m *senderMetrics) of(sender string) *senderCounts {
	if counts, named := (*m.named.Load())[sender]; named {
		return counts
	}
	return m.others
}

// know names senders, the first of the list where there are too many. Who has a name keeps it.
func (m *senderMetrics) know(senders []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, now := *m.named.Load(), make(map[string]*senderCounts)
	for _, name := range senders {
		if counts, named := before[name]; named {
			now[name] = counts
		}
	}
	for name := range before {
		if now[name] == nil {
			m.forget(name)
		}
	}
	for _, name := range senders {
		if now[name] == nil && len(now) < maxNamed {
			now[name] = m.countsOf(name)
		}
	}
	m.named.Store(&now)
}

func (m *senderMetrics) forget(name string) {
	for _, vec := range []interface{ DeleteLabelValues(...string) bool }{m.messages, m.bytes, m.refusals, m.last} {
		vec.DeleteLabelValues(name)
	}
}

func (c *senderCounts) kept(e *logfile.Entry) {
	c.messages.Inc()
	c.bytes.Add(float64(e.Size))
	c.last.Set(float64(e.ReceivedAt.UnixMilli()) / 1000)
}
