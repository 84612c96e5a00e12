package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sealpost/shared/logging/floods"
	"sealpost/shared/settings"
)

// Config says where an Endpoint is, and what it tells.
type Config struct {
	Setting  string           // the variable that Listen is from
	Listen   settings.Address // empty: there is none
	Ready    func() error     // as for New
	Hint     func(error) string
	Registry *prometheus.Registry
	Log      zerolog.Logger
}

// Endpoint is served beside the work of a program.
type Endpoint struct {
	web  *Server
	sums *floods.Sums
	stop context.CancelFunc
	all  sync.WaitGroup
}

// Start listens, and serves until Close. Where Listen is empty it returns nil. The
// error is a *settings.Error.
func Start(ctx context.Context, cfg Config) (*Endpoint, error) {
	if cfg.Listen == "" {
		return nil, nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", string(cfg.Listen))
	if err != nil {
		return nil, &settings.Error{Problems: []settings.Problem{{
			Name: cfg.Setting, Value: string(cfg.Listen), Rule: "must be an address to listen on: " + err.Error(),
		}}}
	}
	e := &Endpoint{sums: floods.New(cfg.Log, time.Now)}
	e.web = NewServer(New(cfg.Ready, cfg.Hint, cfg.Registry), cfg.Log, e.sums)
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx)) // it is there until the work has ended
	e.all.Go(func() { e.sums.Run(ctx) })
	e.all.Go(func() {
		if err := e.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error().Err(err).Msg("the admin endpoint has ended")
		}
	})
	cfg.Log.Info().Stringer("listen", ln.Addr()).Msg("admin endpoint started")
	return e, nil
}

// Close ends it at once. It does nothing to a nil one.
func (e *Endpoint) Close() {
	if e == nil {
		return
	}
	_ = e.web.Close()
	e.stop()
	e.all.Wait()
	e.sums.Flush()
}
