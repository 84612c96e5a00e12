package daemon

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"sealpost/services/server/logbook/local/room"
	"sealpost/shared/admin"
)

// register makes the volume's metrics. What cannot be asked is NaN, and inodes
// without a limit are infinitely many.
func (v *volume) register(reg prometheus.Registerer) {
	asked := func(of func(room.Free) float64) func() float64 {
		return func() float64 {
			free, err := v.free()
			if err != nil {
				return math.NaN()
			}
			return of(free)
		}
	}
	for _, m := range []struct {
		opts  prometheus.GaugeOpts
		value func() float64
	}{
		{prometheus.GaugeOpts{Name: "sealpost_volume_free_bytes", Help: "Bytes free to the server."},
			asked(func(f room.Free) float64 { return float64(f.Bytes) })},
		{prometheus.GaugeOpts{Name: "sealpost_volume_free_inodes", Help: "Inodes free; +Inf where there is no limit."},
			asked(func(f room.Free) float64 { return inodes(f.Inodes) })},
		{prometheus.GaugeOpts{Name: "sealpost_volume_reserve_bytes", Help: "With fewer bytes free the server is not ready."},
			func() float64 { return float64(v.reserve.bytes) }},
		{prometheus.GaugeOpts{Name: "sealpost_volume_reserve_inodes", Help: "With fewer inodes free it is not ready."},
			func() float64 { return float64(v.reserve.inodes) }},
		{prometheus.GaugeOpts{Name: "sealpost_volume_warn_bytes", Help: "With fewer bytes free the log warns."},
			asked(func(f room.Free) float64 { return float64(v.mark(f).bytes) })},
		{prometheus.GaugeOpts{Name: "sealpost_volume_warn_inodes", Help: "With fewer inodes free the log warns."},
			asked(func(f room.Free) float64 { return float64(v.mark(f).inodes) })},
		{prometheus.GaugeOpts{Name: "sealpost_volume_low", Help: "1 from such a warning until there is well more again."},
			func() float64 { return admin.OneIf(v.low.Load()) }},
	} {
		m.opts.ConstLabels = prometheus.Labels{"volume": v.name}
		reg.MustRegister(prometheus.NewGaugeFunc(m.opts, m.value))
	}
}

func inodes(n uint64) float64 {
	if n == room.NoLimit {
		return math.Inf(1)
	}
	return float64(n)
}
