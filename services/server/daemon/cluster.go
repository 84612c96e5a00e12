package daemon

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/server/cluster"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/remedy"
	"sealpost/services/server/volumes"
	"sealpost/shared/admin"
	"sealpost/shared/logging/floods"
)

// others are the servers that have the logbook together with this one; nil: it has it alone.
type others struct {
	*cluster.Cluster
	kept atomic.Pointer[func(logbook.Facts)] // hears of what they take, once there is somebody to hear
	stop context.CancelFunc
	done sync.WaitGroup
}

// await takes what the servers share into the state directory, as soon as that can be had.
// Until then whoever asks is told why this server is not ready. After the end of ctx there
// are no others.
func await(ctx context.Context, cfg Config, log zerolog.Logger, sums *floods.Sums) (*others, error) {
	if !cfg.InCluster() {
		return nil, nil
	}
	listeners, err := listen(ctx, Config{AdminListen: cfg.AdminListen})
	if err != nil {
		return nil, err
	}
	w := &waiting{reason: errWaiting}
	web := admin.NewServer(admin.New(w.get, remedy.For, admin.NewRegistry()), log, sums)
	g, waited := errgroup.WithContext(ctx)
	g.Go(func() error { return web.Serve(listeners.admin) })
	var found *cluster.Cluster
	g.Go(func() (err error) {
		defer func() { _ = web.Close() }()
		found, err = cluster.Await(waited, clusterConfig(cfg, log), func(why error) {
			w.set(why)
			complaint(log, why).Msg("not ready: what the servers of the cluster share cannot be had yet")
		})
		return err
	})
	err = g.Wait()
	switch {
	case found != nil && ctx.Err() == nil:
		return &others{Cluster: found}, nil
	case found != nil:
		found.Close()
		return nil, nil
	case ctx.Err() != nil:
		return nil, nil
	}
	return nil, err
}

func clusterConfig(cfg Config, log zerolog.Logger) cluster.Config {
	return cluster.Config{Membership: cfg.Membership, StateDir: cfg.StateDir, Log: log}
}

// open is how the logbook is opened.
func (o *others) open(reg prometheus.Registerer) volumes.Opening {
	if o == nil {
		return volumes.OpenLocal
	}
	registerCluster(reg, o.Figures)
	hear := cluster.Hooks{Watch: watchCluster(reg), Kept: func(f logbook.Facts) {
		if hears := o.kept.Load(); hears != nil {
			(*hears)(f)
		}
	}}
	return func(cfg local.Config) (volumes.Opened, error) { return o.Open(cfg, hear) }
}

// follow takes what the others change, until close, and tells kept of messages that they
// take.
func (o *others) follow(kept func(logbook.Facts)) {
	if o == nil {
		return
	}
	o.kept.Store(&kept)
	var ctx context.Context
	ctx, o.stop = context.WithCancel(context.Background())
	o.done.Go(func() { o.Follow(ctx) })
}

// close ends following, and the connection.
func (o *others) close() {
	if o == nil {
		return
	}
	if o.stop != nil {
		o.stop()
	}
	o.done.Wait()
	o.Close()
}

// errWaiting is why a server is not ready that has just begun.
var errWaiting = errors.New("the cluster was not reached yet")

// waiting is why there is nothing to start with.
type waiting struct {
	mu     sync.Mutex
	reason error
}

func (w *waiting) get() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason
}

func (w *waiting) set(reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reason = reason
}
