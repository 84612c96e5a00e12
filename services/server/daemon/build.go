package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"sealpost/shared/build"
)

// registerBuild makes the metric that says which build runs, for joins with others.
func registerBuild(reg prometheus.Registerer) {
	is := build.Read()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sealpost_build_info", Help: "1, with the server's version, revision and Go version as labels.",
		ConstLabels: prometheus.Labels{"version": is.Version, "revision": is.Revision, "goversion": is.Go},
	}, func() float64 { return 1 }))
}
