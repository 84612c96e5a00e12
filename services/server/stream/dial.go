package stream

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// dialWait is for a connection to one node, and once more for the log-in.
	dialWait = 2 * time.Second
	// againAfter lies between two rounds of the nodes, and up to as much again, so that
	// the clients of a node that died do not come as one.
	againAfter = 100 * time.Millisecond
	// flushWait is for a node that takes nothing, before its connection is given up.
	flushWait = 5 * time.Second
)

// dial connects to the first node that takes the connection; from then on it is made
// anew for ever. lost is called each time it ends.
func dial(ctx context.Context, cfg Config, lost func()) (*nats.Conn, error) {
	o := nats.GetDefaultOptions()
	o.Servers, o.Name = cfg.URLs, cfg.Client
	o.User, o.Password = cfg.User, cfg.Password
	o.TLSConfig, o.Secure = cfg.TLS, cfg.TLS != nil
	if cfg.CredsFile != "" {
		if err := nats.UserCredentials(cfg.CredsFile)(&o); err != nil {
			return nil, err
		}
	}
	d := &dialer{first: ctx, log: cfg.Log}
	o.CustomDialer, o.Timeout, o.FlusherTimeout = d, dialWait, flushWait
	o.PingInterval, o.MaxPingsOut = 2*cfg.Heartbeat, 2 // a node that hangs closes no connection
	o.MaxReconnect, o.ReconnectWait = -1, againAfter
	o.ReconnectJitter, o.ReconnectJitterTLS = againAfter, againAfter
	o.IgnoreAuthErrorAbort = true    // a password that is changed for a time ends nothing
	o.IgnoreDiscoveredServers = true // only the operator says where to connect
	o.ReconnectBufSize = -1          // nothing waits unseen until it is out of date
	report(&o, cfg.Log, lost)
	conn, err := o.Connect()
	d.connected.Store(true)
	return conn, err
}

// report has what becomes of the connection written to the log.
func report(o *nats.Options, log zerolog.Logger, lost func()) {
	o.DisconnectedErrCB = func(conn *nats.Conn, err error) {
		lost()
		if !conn.IsClosed() {
			log.Warn().Err(err).Msg("the connection to the stream's nodes ended")
		}
	}
	o.ReconnectedCB = func(conn *nats.Conn) {
		log.Info().Str("node", conn.ConnectedUrlRedacted()).Msg("connected to the stream's nodes again")
	}
	o.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) {
		log.Warn().Err(err).Msg("a node of the stream reports an error")
	}
}

// dialer connects to nodes. Until the first connection is there it gives up when the
// context of Connect ends.
type dialer struct {
	first     context.Context
	connected atomic.Bool
	log       zerolog.Logger
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx := context.Background()
	if !d.connected.Load() {
		ctx = d.first
	}
	conn, err := (&net.Dialer{Timeout: dialWait}).DialContext(ctx, network, address)
	if err != nil {
		d.log.Debug().Err(err).Str("node", address).Msg("no connection to a node of the stream")
	}
	return conn, err
}
