package daemon

import (
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRetiredMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	hear := countRetired(registry)
	hear(3, 0)
	hear(0, 500)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if want := map[string]float64{"sealpost_retired_messages_total": 3, "sealpost_retired_bytes_total": 500}; !maps.Equal(
		got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQueueMetrics(t *testing.T) {
	for _, full := range []bool{false, true} {
		registry := prometheus.NewRegistry()
		registerQueue(registry, func() (int, bool) { return 3, full })
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		want := map[string]float64{"sealpost_commit_queue_messages": 3, "sealpost_commit_queue_full": 0}
		if full {
			want["sealpost_commit_queue_full"] = 1
		}
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
