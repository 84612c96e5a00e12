package admin

import (
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"sealpost/shared/build"
	"sealpost/shared/logging/floods"
)

// timeout bounds each of a request's headers, its answer, and the silence after it.
const timeout = 10 * time.Second

// Server serves a handler to a few connections at once.
type Server struct{ web http.Server }

// NewServer returns one that complains in the log, and not as often as it likes.
func NewServer(handler http.Handler, log zerolog.Logger, sums *floods.Sums) *Server {
	return &Server{http.Server{
		Handler: handler, ErrorLog: errorLog(log, sums),
		ReadHeaderTimeout: timeout, WriteTimeout: timeout, IdleTimeout: timeout,
	}}
}

// Serve serves until Close, after which the error is [http.ErrServerClosed].
func (s *Server) Serve(ln net.Listener) error { return s.web.Serve(newPlaces(ln, connections)) }

// Close closes listeners and connections.
func (s *Server) Close() error { return s.web.Close() }

// NewRegistry returns a registry with what every program shows: its build, the Go
// runtime and the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registerBuild(registry)
	return registry
}

// registerBuild makes the metric that says which build runs, for joins with others.
func registerBuild(reg prometheus.Registerer) {
	is := build.Read()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sealpost_build_info", Help: "1, with the program's version, revision and Go version as labels.",
		ConstLabels: prometheus.Labels{"version": is.Version, "revision": is.Revision, "goversion": is.Go},
	}, func() float64 { return 1 }))
}
