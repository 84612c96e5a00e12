// Package onemachine runs the whole system on one machine without containers: the
// set-up, the server in this process, six clients as processes of their own,
// an FTP server over the log files, and then the same driver as everywhere.
//
// It is a demonstration: everything listens on loopback addresses with free
// ports, and nothing outlives it unless a directory is named.
package onemachine

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"sealpost/services/driver/ftpserver"
	"sealpost/services/driver/run"
	"sealpost/services/server/daemon"
	"sealpost/services/server/setup"
	"sealpost/shared/durable"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

// Clients is how many client processes are run.
const Clients = 6

const (
	loopback = "127.0.0.1:0"
	ftpUser  = "ftpread"
	ftpName  = "localhost" // in the certificate that the set-up makes
)

// defaults starts the names of variables that nobody sets, so that a program's
// settings can be had as they are by default.
const defaults = "SEALPOST_LOCAL_"

// Options say how to run.
type Options struct {
	Dir string // kept; empty: a temporary directory, removed at the end
	// Client is the command that runs a client; its arguments and settings
	// are added.
	Client   []string
	Out, Err io.Writer
}

// machine is one run.
type machine struct {
	Options
	dirs  setup.Config
	logs  logging.Settings
	lines *lines // towards Err
}

// Run runs the system once and returns what run.Run returns, clients that
// failed included.
func Run(ctx context.Context, opts Options) (err error) {
	m := &machine{Options: opts, lines: &lines{out: opts.Err}}
	if _, err := settings.Load(run.Prefix, &m.logs); err != nil {
		return err
	}
	if m.Dir == "" {
		if m.Dir, err = os.MkdirTemp("", "sealpost-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(m.Dir)) }()
	}
	m.dirs = volumes(m.Dir)
	log, err := m.logger("setup")
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(m.Dir, 0o755); err != nil {
		return err
	}
	if err := setup.Run(m.dirs, log); err != nil {
		return err
	}
	return m.withServer(ctx, func(server net.Addr) error {
		return m.withFTP(func(ftp net.Addr) error {
			return m.deliverAndCollect(ctx, server, ftp)
		})
	})
}

// volumes are the directories that are volumes in the container stack.
func volumes(dir string) setup.Config {
	return setup.Config{
		DataDir:          filepath.Join(dir, "data"),
		StateDir:         filepath.Join(dir, "state"),
		ClientSecretsDir: filepath.Join(dir, "secrets", "client"),
		FTPSecretsDir:    filepath.Join(dir, "secrets", "ftp"),
		DriverSecretsDir: filepath.Join(dir, "secrets", "driver"),
		OutboxDir:        filepath.Join(dir, "outbox"),
		ReceivedDir:      filepath.Join(dir, "received"),
	}
}

func (m *machine) logger(program string) (zerolog.Logger, error) {
	return logging.New(m.lines.from(program), m.logs.LogLevel, logging.FormatConsole)
}

// withServer runs the server while f runs.
func (m *machine) withServer(ctx context.Context, f func(net.Addr) error) error {
	var cfg daemon.Config
	if _, err := settings.Load(defaults+"SERVER", &cfg); err != nil {
		return err
	}
	cfg.Listen, cfg.AdminListen = loopback, loopback
	cfg.DataDir, cfg.StateDir = m.dirs.DataDir, m.dirs.StateDir
	log, err := m.logger("server")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	listening := make(chan net.Addr, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, log, daemon.Options{
			OnListen: func(sealpost, _, _ net.Addr) { listening <- sealpost },
		})
	}()
	select {
	case addr := <-listening:
		err = f(addr)
	case err := <-ended:
		return errors.Join(err, context.Cause(ctx))
	}
	stop()
	return errors.Join(err, <-ended)
}

// withFTP serves the log files over FTP with TLS while f runs.
func (m *machine) withFTP(f func(net.Addr) error) error {
	secrets := m.dirs.FTPSecretsDir
	certificate, err := tls.LoadX509KeyPair(filepath.Join(secrets, "cert.pem"), filepath.Join(secrets, "key.pem"))
	if err != nil {
		return err
	}
	password, err := readLine(filepath.Join(secrets, "password"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return err
	}
	server, err := ftpserver.Start(listener, ftpserver.Config{
		Dir: filepath.Join(m.dirs.DataDir, "logs"), User: ftpUser, Password: password, Certificate: &certificate,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(f(server.Addr()), server.Close())
}
