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
