// Package daemon is the whole server: state, logbook, both wires and the admin
// endpoint, wired together and run until told to stop.
package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/standby"
	"sealpost/services/server/remedy"
	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/admin"
	"sealpost/shared/ballast"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logging/floods"
	"sealpost/shared/settings"
)

// Options are for callers that run the server inside their own process.
type Options struct {
	// OnListen is called once all listeners are open. wire2012 is nil when
	// that wire is off.
	OnListen func(sealpost, wire2012, admin net.Addr)
	// Reload has a value each time that somebody asks the server to look at its
	// files: SIGHUP. It looks at them by itself too, so nil loses nothing.
	Reload <-chan struct{}
}

const reopenEvery = time.Second

// Run runs the server until ctx ends, then drains it: what is under way is
// finished and answered within DrainTimeout. It returns nil after a drain, and
// an error when the server could not start or a listener failed.
func Run(ctx context.Context, cfg Config, log zerolog.Logger, opts Options) error {
	defer runtime.KeepAlive(ballast.New())
	sums := floods.New(log, time.Now)
	zone, err := settings.Zone()
	if err != nil {
		return err
	}
	others, err := await(ctx, cfg, log, sums)
	if err != nil || ctx.Err() != nil {
		return err
	}
	defer others.close()
	st, err := state.Open(cfg.StateDir)
	if err != nil {
		return &DirError{"SERVER_STATE_DIR", cfg.StateDir, err}
	}
	defer func() { _ = st.Close() }()
	listeners, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	defer listeners.close()
	registry := admin.NewRegistry()
	registerIdentity(registry, st)
	tlsConfig, cert, err := tlsOf(cfg, st, log, registry)
	if err != nil {
		return err
	}
	limits, files, err := allotted(cfg.limits(), log)
	if err != nil {
		return err
	}
	opener := volumes.NewOpenerOf(local.Config{
		Dir: cfg.DataDir, CiphertextMax: uint64(cfg.LogCiphertextMax), MaxStaged: uint64(cfg.MaxStagedBytes),
		Largest: uint64(cfg.leastStaged()),
		Files:   files, Zone: zone, Log: log, Sums: sums, Missing: countMissing(registry),
		Sharded: cfg.LogLayout == "sharded", KeepParts: cfg.KeepPartsFor, PartsHeld: gaugeParts(registry),
		Retain: local.Policy{For: cfg.RetainFor, Bytes: uint64(cfg.RetainBytes)}, Retired: countRetired(registry),
		Watch: watchCommitter(registry),
	}, st, others.open(registry))
	defer opener.Close()
	registry.MustRegister(figures{opener.Figures})
	metrics := intake.NewMetrics(registry)
	book := standby.Open(st.LogbookID(), named(cfg.DataDir, opener.Open), reopenEvery)
	in := intake.New(intake.Config{
		TLS: tlsConfig, Book: book, Senders: st, Days: st, Limits: limits, Proxies: cfg.ProxyProtocolFrom, Log: log,
		Sums: sums, Metrics: metrics,
	})
	log.Info().Str("identity", st.Identity().VerifierKey(receipt.Origin(st.LogbookID()))).
		Stringer("listen", listeners.sealpost.Addr()).Msg("server started")
	if opts.OnListen != nil {
		opts.OnListen(listeners.addresses())
	}
	ready := &readiness{book: book, room: opener.Room, st: st, log: log, sums: sums}
	ready.logs, ready.state = newVolumes(cfg)
	registerReadiness(registry, ready)
	ready.logs.register(registry)
	ready.state.register(registry)
	others.follow(in.Kept)
	follow := newFollower(st, in, metrics, cert, opts.Reload, log)
	web := admin.NewServer(admin.New(ready.reason, remedy.For, registry), log, sums)
	err = serve(ctx, cfg, in, listeners, web, follow, ready)
	if e := book.Close(); err == nil {
		err = e
	}
	follow.complain(st.KeepUsed())
	sums.Flush()
	log.Info().Err(err).Msg("server stopped")
	return err
}

// named says which setting names a directory that is not ours to use.
func named(dir string, open func() (logbook.Logbook, error)) func() (logbook.Logbook, error) {
	return func() (logbook.Logbook, error) {
		book, err := open()
		if errors.Is(err, fs.ErrPermission) {
			err = &DirError{"SERVER_DATA_DIR", dir, err}
		}
		return book, err
	}
}

// tlsOf returns the server's side of TLS, and the operator's own certificate
// where there is one.
func tlsOf(cfg Config, st *state.State, log zerolog.Logger,
	reg prometheus.Registerer) (*tls.Config, *certificate, error) {
	expiry := newExpiry(reg)
	expiry.WithLabelValues(kindIdentity).Set(float64(st.Certificate().Leaf.NotAfter.Unix()))
	if cfg.TLSCertFile == "" {
		newBroken(reg) // stays 0
		return identity.ServerTLSFunc(st.Certificate), nil, nil
	}
	cert, err := loadCertificate(cfg, log, time.Now, reg, expiry)
	if err != nil {
		return nil, nil, err
	}
	return identity.ServerTLSFunc(cert.get), cert, nil
}

// serve runs the listeners until ctx ends or one of them fails.
func serve(ctx context.Context, cfg Config, in *intake.Server, l *listeners, web *admin.Server, follow *follower,
	ready *readiness) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return in.Serve(l.sealpost) })
	if l.wire2012 != nil {
		g.Go(func() error { return in.Serve2012(l.wire2012) })
	}
	g.Go(func() error { return web.Serve(l.admin) })
	g.Go(func() error { follow.run(ctx); return nil })
	g.Go(func() error { in.CountDays(ctx); return nil })
	g.Go(func() error { ready.watch(ctx); return nil })
	g.Go(func() error { ready.sums.Run(ctx); return nil })
	g.Go(func() error {
		<-ctx.Done()
		// Fresh: ctx has ended, and the drain has its own time.
		limited, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
		defer cancel()
		err := in.Shutdown(limited)
		_ = web.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			return nil // what was cut off was not acknowledged
		}
		return err
	})
	err := g.Wait()
	if errors.Is(err, intake.ErrServerClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
