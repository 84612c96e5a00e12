package intake

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
)

// bySender returns the values of a metric by the label sender.
func bySender(t *testing.T, from prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				values[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return values
}

// However many senders there are, a fixed number of them have labels of their own; whoever is not
// known has none. A name that goes makes room, and who has one keeps it.
func TestSendersByName(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := NewMetrics(registry)
	names := make([]string, maxNamed+50)
	for i := range names {
		names[i] = fmt.Sprint("s", i)
	}
	m.Know(names)
	messages := func() map[string]float64 { return bySender(t, registry, "sealpost_sender_messages_total") }
	if got := messages(); len(got) != maxNamed+1 {
		t.Fatalf("%d senders have a label", len(got))
	}
	at := time.Date(2026, time.March, 1, 12, 0, 0, 500e6, time.UTC)
	for _, sender := range []string{"s0", "s0", names[maxNamed], "never-seen"} {
		m.kept(&logbook.Facts{Entry: logfile.Entry{Sender: sender, Size: 10, ReceivedAt: at}})
		m.refused(sender, framing.CodeBadOffer)
	}
	m.kept(&logbook.Facts{Entry: logfile.Entry{Sender: "s0", Size: 10, ReceivedAt: at.Add(time.Hour)}, Repeat: true})
	for metric, want := range map[string][2]float64{
		"sealpost_sender_messages_total": {2, 2}, "sealpost_sender_message_bytes_total": {20, 20},
		"sealpost_sender_refusals_total":                 {2, 2},
		"sealpost_sender_last_message_timestamp_seconds": {seconds(at), seconds(at)},
	} {
		got := bySender(t, registry, metric)
		if len(got) != maxNamed+1 || got["s0"] != want[0] || got[otherSenders] != want[1] || got["s1"] != 0 {
			t.Errorf("%s: %d senders, %v and %v", metric, len(got), got["s0"], got[otherSenders])
		}
	}
	m.Know(slices.Delete(slices.Clone(names), 1, 2))
	got := messages()
	if _, there := got["s1"]; there || got["s0"] != 2 || len(got) != maxNamed+1 {
		t.Errorf("with one gone: %d senders, %v", len(got), got["s0"])
	}
	if value, there := got[names[maxNamed]]; !there || value != 0 {
		t.Errorf("the next in line has a label: %t, at %v", there, value)
	}
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// All that is counted is there before the first event.
func TestCountersFromTheStart(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := make(map[string]int)
	for _, f := range families {
		series[f.GetName()] = len(f.GetMetric())
		for _, m := range f.GetMetric() {
			if m.GetCounter().GetValue() != 0 {
				t.Errorf("%s begins with %v", f.GetName(), m)
			}
		}
	}
	refusals := 0
	for _, code := range framing.Codes() {
		if code.Class() <= framing.ClassMessageLater {
			refusals++
		}
	}
	for name, want := range map[string]int{
		"sealpost_messages_total": 3, "sealpost_refusals_total": refusals, "sealpost_login_failures_total": 1,
		"sealpost_connections_closed_total": len(framing.Codes()) + len(closedReasons),
		"sealpost_sender_messages_total":    1, "sealpost_message_bytes_total": 1, "sealpost_resumed_bytes_total": 1,
	} {
		if series[name] != want {
			t.Errorf("%s has %d values from the start instead of %d", name, series[name], want)
		}
	}
}

// What each message costs the metrics allocates nothing.
func TestCountingAllocatesNothing(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	m.Know([]string{"store-17"})
	f := &logbook.Facts{Entry: logfile.Entry{Sender: "store-17", Size: 10, ReceivedAt: time.Now()}}
	if n := testing.AllocsPerRun(100, func() { m.kept(f) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkKept(b *testing.B) {
	m := NewMetrics(prometheus.NewRegistry())
	m.Know([]string{"store-17"})
	f := &logbook.Facts{Entry: logfile.Entry{Sender: "store-17", Size: 10, ReceivedAt: time.Now()}}
	for b.Loop() {
		m.kept(f)
	}
}
