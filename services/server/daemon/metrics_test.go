package daemon

import (
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/shared/build"
)

func TestBuildInfo(t *testing.T) {
	registry := prometheus.NewRegistry()
	registerBuild(registry)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "sealpost_build_info" {
		t.Fatalf("%v, %v", families, err)
	}
	labels := map[string]string{}
	for _, pair := range families[0].GetMetric()[0].GetLabel() {
		labels[pair.GetName()] = pair.GetValue()
	}
	is := build.Read()
	want := map[string]string{"version": is.Version, "revision": is.Revision, "goversion": is.Go}
	if value := families[0].GetMetric()[0].GetGauge().GetValue(); value != 1 || !maps.Equal(labels, want) {
		t.Errorf("%v %v, want %v 1", labels, value, want)
	}
}

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
