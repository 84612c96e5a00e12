package onemachine

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"sealpost/shared/logging"
)

const (
	// yield makes six clients usually send one message each.
	yield = time.Second
	// grace is how long a client may take to end after it was asked to.
	grace = 10 * time.Second
)

// ClientError is a client process that did not end well.
type ClientError struct {
	Number int // from 1
	Cause  error
}

func (e *ClientError) Error() string { return fmt.Sprintf("client %d: %v", e.Number, e.Cause) }

// Unwrap returns the cause.
func (e *ClientError) Unwrap() error { return e.Cause }

// runClients runs the clients on the outbox until all of them have ended, and
// returns a *ClientError for each that failed.
func (m *machine) runClients(ctx context.Context, server net.Addr) []error {
	var all sync.WaitGroup
	ended := make([]error, Clients)
	for i := range Clients {
		all.Go(func() { ended[i] = m.runClient(ctx, i+1, server) })
	}
	all.Wait()
	var failures []error
	for i, err := range ended {
		if err != nil {
			failures = append(failures, &ClientError{Number: i + 1, Cause: err})
		}
	}
	return failures
}

func (m *machine) runClient(ctx context.Context, number int, server net.Addr) error {
	args := append(m.Client[1:len(m.Client):len(m.Client)], "-outbox", m.dirs.OutboxDir)
	client := exec.CommandContext(ctx, m.Client[0], args...)
	client.Env = m.clientEnv(server)
	// What a client prints is about single messages, as its log is.
	out := m.lines.from(fmt.Sprintf("client-%d", number))
	client.Stdout, client.Stderr = out, out
	client.Cancel = func() error { return client.Process.Signal(syscall.SIGTERM) }
	client.WaitDelay = grace
	return client.Run()
}

// clientEnv is this process's environment with the settings that a client
// container has, and no others of ours.
func (m *machine) clientEnv(server net.Addr) []string {
	var env []string
	for _, pair := range os.Environ() {
		switch prefix, _, _ := strings.Cut(pair, "_"); prefix {
		case "CLIENT", "DRIVER", "SERVER", "SETUP":
		default:
			env = append(env, pair)
		}
	}
	secret := func(name string) string { return filepath.Join(m.dirs.ClientSecretsDir, name) }
	return append(env,
		"CLIENT_SERVER="+server.String(),
		"CLIENT_TOKEN_FILE="+secret("token"),
		"CLIENT_SERVER_IDENTITY_FILE="+secret("identity"),
		"CLIENT_PASSWORD_FILE="+secret("password"),
		"CLIENT_OUTBOX_YIELD="+yield.String(),
		"CLIENT_LOG_LEVEL="+m.logs.LogLevel,
		"CLIENT_LOG_FORMAT="+logging.FormatConsole,
	)
}
