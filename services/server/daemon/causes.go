package daemon

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/volumes"
	"sealpost/shared/admin"
	"sealpost/shared/durable"
)

// What keeps a server from being ready, as the metric's label has it.
const (
	causeStandby     = "standby"     // another server, or a command, has the log volume
	causeVolumes     = "volumes"     // they do not fit each other, or are damaged
	causeRoom        = "room"        // too little is free on one of them
	causeLogbook     = "logbook"     // it cannot be written for another reason
	causeState       = "state"       // a file of the state volume cannot be used
	causeDescriptors = "descriptors" // too few are left
)

var labels = []string{causeStandby, causeVolumes, causeRoom, causeLogbook, causeState, causeDescriptors}

// cause is one thing that keeps a server from being ready; nil where it does not.
type cause struct {
	label string
	err   error
}

func joined(causes []cause) error {
	errs := make([]error, 0, len(causes))
	for _, c := range causes {
		errs = append(errs, c.err)
	}
	return errors.Join(errs...)
}

// labelOf sorts what a logbook says.
func labelOf(err error) string {
	switch {
	case errors.Is(err, durable.ErrLocked):
		return causeStandby
	case volumes.IsVerdict(err):
		return causeVolumes
	case errors.Is(err, logbook.ErrNoSpace), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return causeRoom
	}
	return causeLogbook
}

// readyMetrics asks for readiness at each scrape, once for all its series.
type readyMetrics struct {
	readiness *readiness
	ready     prometheus.Gauge
	not       *prometheus.GaugeVec
}

func registerReadiness(reg prometheus.Registerer, r *readiness) {
	reg.MustRegister(&readyMetrics{r,
		prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_ready", Help: "1 while a message of the largest size would be kept, as /readyz says."}),
		prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sealpost_not_ready", Help: "1 for each reason not to be ready."}, []string{"reason"}),
	})
}

// Describe is of prometheus.Collector.
func (m *readyMetrics) Describe(to chan<- *prometheus.Desc) {
	m.ready.Describe(to)
	m.not.Describe(to)
}

// Collect is of prometheus.Collector.
func (m *readyMetrics) Collect(to chan<- prometheus.Metric) {
	causes := m.readiness.causes()
	m.ready.Set(admin.OneIf(joined(causes) == nil))
	wrong := make(map[string]bool)
	for _, c := range causes {
		wrong[c.label] = wrong[c.label] || c.err != nil
	}
	for _, label := range labels {
		m.not.WithLabelValues(label).Set(admin.OneIf(wrong[label]))
	}
	m.ready.Collect(to)
	m.not.Collect(to)
}
