package admin

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sealpost/shared/build"
	"sealpost/shared/logging/floods"
	"sealpost/shared/nettest"
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

// A served registry has the build, the runtime and the process, until Close.
func TestServe(t *testing.T) {
	ln := nettest.Listen(t)
	handler := New(func() error { return nil }, func(error) string { return "" }, NewRegistry())
	s := NewServer(handler, zerolog.Nop(), floods.New(zerolog.Nop(), time.Now))
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	status, body := ask(t, http.MethodGet, "http://"+ln.Addr().String()+MetricsPath)
	for _, name := range []string{"sealpost_build_info{", "go_goroutines ", "process_open_fds "} {
		if status != http.StatusOK || !strings.Contains(body, "\n"+name) {
			t.Errorf("%d, without %s", status, name)
		}
	}
	check(t, s.Close())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("after the end: %v", err)
	}
}
