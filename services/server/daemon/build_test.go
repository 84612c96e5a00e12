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
