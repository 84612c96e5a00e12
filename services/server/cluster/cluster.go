// Package cluster makes one server one of several: it reaches the nodes that keep the
// replicated log and what the servers share, follows the latter, opens the logbook on the
// former, and carries out what an operator asks of the whole.
//
//	SEALPOST_STATE          a register (package stream): what package shared keeps
//	SEALPOST_<logbook id>   the replicated log: what package replicated reads
//
// The nodes' account is for one cluster: its register has one name.
//
// Guaranteed: what the packages above guarantee. A server whose own copy of what is shared
// may not be the newest keeps no message and gives no receipt.
package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
	"sealpost/shared/bounded"
)

// Register is the name of the stream that holds what the servers share.
const Register = "SEALPOST_STATE"

// LogName returns the name of the stream that is the log of a logbook.
func LogName(logbookID string) string { return "SEALPOST_" + logbookID }

// Accounts is the part of the nodes' configuration that says who may do what to the streams of a
// logbook. Passwords are variables of the environment in which a node starts.
func Accounts(logbookID string) string {
	return stream.Accounts{Log: LogName(logbookID), Register: Register,
		Server: "$SEALPOST_SERVER_PASSWORD", Admin: "$SEALPOST_ADMIN_PASSWORD"}.String()
}

// Config is what a server of a cluster is told.
type Config struct {
	Membership
	StateDir string
	Log      zerolog.Logger
}

// maxCA bounds the file of an authority, in bytes.
const maxCA = 1 << 20

// FileError means that a file that a setting names cannot be used.
type FileError struct {
	Setting, File string
	Err           error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s=%s: %v", e.Setting, e.File, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

var errNoCertificate = errors.New("there is no certificate in it, in PEM form")

// stream returns what it takes to reach one of the streams.
func (c Config) stream(name string) (stream.Config, error) {
	cfg := stream.Config{
		URLs: c.NATSURL.List(), Name: name, User: c.NATSUser, Password: c.NATSPassword.Reveal(),
		CredsFile: c.NATSCredsFile, Client: "sealpost server " + c.ClusterName, Log: c.Log,
	}
	if c.NATSCAFile == "" {
		return cfg, nil
	}
	text, err := bounded.ReadFile(c.NATSCAFile, maxCA)
	if err != nil {
		return cfg, &FileError{"SERVER_NATS_CA_FILE", c.NATSCAFile, err}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return cfg, &FileError{"SERVER_NATS_CA_FILE", c.NATSCAFile, errNoCertificate}
	}
	cfg.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	return cfg, nil
}

// Cluster is this server's connection to what all servers share.
type Cluster struct {
	*shared.Shared
	cfg      Config
	key      shared.Key
	register *stream.Register
	opened   atomic.Pointer[replicated.Logbook] // nil before the first time
}

// Connect reaches the nodes, and takes what is shared into the state directory, which is
// to be opened behind it. It tries once. Errors are those of stream.OpenRegister and
// shared.Open, a *FileError, or shared.ErrKey.
func Connect(ctx context.Context, cfg Config) (*Cluster, error) {
	c, err := reach(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if c.Shared, err = shared.Open(ctx, c.shared()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// reach reaches the nodes alone.
func reach(ctx context.Context, cfg Config) (*Cluster, error) {
	key, err := shared.ParseKey(cfg.ClusterKey.Reveal())
	if err != nil {
		return nil, err
	}
	at, err := cfg.stream(Register)
	if err != nil {
		return nil, err
	}
	register, err := stream.OpenRegister(ctx, at)
	if err != nil {
		return nil, err
	}
	return &Cluster{cfg: cfg, key: key, register: register}, nil
}

func (c *Cluster) shared() shared.Config {
	return shared.Config{Register: c.register, Key: c.key, Dir: c.cfg.StateDir, Log: c.cfg.Log}
}

// againEvery lies between two tries of Await.
const againEvery = time.Second

// Await connects, and tries for as long as it may yet succeed: the nodes may come, and the
// cluster be begun. why hears of each reason that is another one than before.
func Await(ctx context.Context, cfg Config, why func(error)) (*Cluster, error) {
	for told := ""; ; {
		c, err := Connect(ctx, cfg)
		if err == nil || ctx.Err() != nil || final(err) {
			return c, err
		}
		if err.Error() != told {
			told = err.Error()
			why(err)
		}
		select {
		case <-time.After(againEvery):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// final reports whether an error is one that waiting mends no more than the settings do.
func final(err error) bool {
	return errors.Is(err, shared.ErrKey) || errors.Is(err, shared.ErrSealed) || errors.Is(err, state.ErrCommonFile) ||
		errors.As(err, new(*FileError)) || errors.As(err, new(*shared.VersionError))
}

// Close ends the connection. Follow must have ended before.
func (c *Cluster) Close() { c.register.Close() }
