package paths

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// TestServersOwnDirectories has another rule, since nobody but the server's user
// writes in its volumes (SECURITY says so, and the set-up sees to it): it may go
// by their paths. All the same nothing walks up or from the working directory,
// and what is made or written is not a link's target.
func TestServersOwnDirectories(t *testing.T) {
	dir := realDir(t)
	data, state := filepath.Join(dir, "data"), filepath.Join(dir, "state")
	b := &table{T: t, program: "server", roots: []string{data, state},
		env: append(os.Environ(), "SERVER_DATA_DIR="+data, "SERVER_STATE_DIR="+state,
			"SERVER_LISTEN=127.0.0.1:0", "SERVER_ADMIN_LISTEN=127.0.0.1:0", "SERVER_2012_LISTEN=", "SERVER_LOG_FORMAT=json")}
	sender := b.run(0, "sender", "add", "store-17")
	b.serve(sender)
	b.serve(sender)
	b.run(0, "identity", "next")
	b.run(0, "identity", "switch", "-for", "1h")
	b.run(0, "identity", "retire")
	b.run(0, "sender", "add", "store-18")
	b.run(0, "sender", "remove", "store-18")
	b.run(0, "retire", "0-1")
	b.run(0, "verify")
	b.checkOwn()
}

// serve runs the server until it has taken messages.
func (b *table) serve(sender string) {
	b.Helper()
	logs, log := io.Pipe()
	b.log = log
	ctx, stop := context.WithCancel(b.Context())
	sent := make(chan error, 1)
	go func() {
		sent <- deliver(ctx, logs, sender)
		stop()
		_, _ = io.Copy(io.Discard, logs)
	}()
	b.runContext(ctx, 0)
	_ = log.Close() // never fails
	b.log = nil
	check(b.T, <-sent)
}

// deliver sends three messages to the server that logs where it listens, with
// what "sender add" printed.
func deliver(ctx context.Context, logs io.Reader, sender string) error {
	address, err := listening(logs)
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, logs) }()
	env := map[string]string{}
	for _, line := range strings.Fields(sender) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	pins, err := identity.ParsePins(env["CLIENT_SERVER_IDENTITY"])
	if err != nil {
		return err
	}
	tok, err := token.Parse(env["CLIENT_TOKEN"])
	if err != nil {
		return err
	}
	c := courier.New(courier.Config{Servers: dial.One(address, pins.ClientTLS()), Token: tok, Pins: pins,
		Timeout: 2 * time.Minute, Log: zerolog.Nop()})
	defer func() { _ = c.Close() }()
	for _, size := range []int{0, 100, 1 << 20} {
		body := make([]byte, size)
		_, e := c.Deliver(ctx, courier.Message{ID: message.NewID(), Name: "a.bin", Cipher: message.None, Size: uint64(size),
			SHA256: sha256.Sum256(body),
			Open:   func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(body)), nil }})
		err = errors.Join(err, e)
	}
	return err
}

func listening(logs io.Reader) (address string, err error) {
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var line struct{ Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Listen != "" {
			return line.Listen, nil
		}
	}
	return "", errors.Join(errors.New("the server did not start"), lines.Err())
}

// checkOwn prints the table and holds the calls to the rule of a directory that
// is the program's own.
func (b *table) checkOwn() {
	b.Helper()
	b.Logf("%s\n%s", b.program, durabletest.PathTable(b.calls))
	for _, c := range b.calls {
		writes := strings.Contains(c.Flags, "O_CREAT") || strings.Contains(c.Flags, "O_RDWR") ||
			strings.Contains(c.Flags, "O_WRONLY")
		if c.Up || c.From == durabletest.FromWorking || writes && c.Follows {
			b.Errorf("%v", c)
		}
	}
}
