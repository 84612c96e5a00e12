package onemachine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sealpost/services/driver/run"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

// deliverAndCollect runs the clients to their end and then the driver. The
// driver tells more about what went wrong with a message than a client's exit
// status, so it runs in any case.
func (m *machine) deliverAndCollect(ctx context.Context, server, ftp net.Addr) error {
	failures := m.runClients(ctx, server)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	cfg, err := m.driverSettings(ftp)
	if err != nil {
		return err
	}
	if len(failures) == 0 { // else files are left in the outbox, and waiting helps none of them
		cfg.Timeout = patience
	}
	err = run.Run(ctx, cfg, nil, m.Out, m.Err)
	var failed *run.FailedError
	switch {
	case len(failures) == 0:
		return err
	case errors.As(err, &failed):
		failures = append(failures, failed.Failures...)
	case err != nil:
		failures = append(failures, err)
	}
	return &run.FailedError{Failures: failures}
}

// patience is how long the driver may wait for the server to show what it signed.
const patience = time.Minute

// driverSettings are those of the container stack, but that no waiting for the
// outbox is left to do.
func (m *machine) driverSettings(ftp net.Addr) (run.Settings, error) {
	var cfg run.Settings
	secrets := m.dirs.DriverSecretsDir
	password, err := readLine(filepath.Join(secrets, "ftp_password"))
	if err != nil {
		return cfg, err
	}
	pin, err := readLine(filepath.Join(secrets, "identity"))
	if err != nil {
		return cfg, err
	}
	cfg = run.Settings{
		FTPAddr: settings.Addresses(ftp.String()), FTPUser: ftpUser, FTPPassword: settings.Secret(password),
		FTPTLS: "explicit", FTPCAFile: filepath.Join(secrets, "ftp_ca.pem"), FTPServerName: ftpName,
		Output: run.Output{OutputDir: m.dirs.ReceivedDir}, Outbox: m.dirs.OutboxDir, ServerIdentity: settings.Secret(pin),
		NeedReceipts: true, Print: "full", Settings: m.logs,
	}
	if cfg.LogFormat == logging.FormatAuto { // as the other programs here
		cfg.LogFormat = logging.FormatConsole
	}
	_, err = settings.Load(defaults+"DRIVER", &cfg.Limits)
	return cfg, err
}

func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, rest, _ := strings.Cut(string(text), "\n")
	if rest != "" {
		return "", fmt.Errorf("%s: more than one line", path)
	}
	return line, nil
}
