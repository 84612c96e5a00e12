// Package daemontest runs a whole server for tests of the programs that talk to it.
package daemontest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/settings"
)

// Sender is the one that the server knows.
const Sender = "store-17"

// Serve runs a server until the test ends, with the defaults of all settings but
// what change sets, and returns its directory and the environment of a client.
func Serve(t testing.TB, change func(*daemon.Config)) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	var cfg daemon.Config
	_, err := settings.Load("SERVER_TEST_DEFAULTS", &cfg)
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.DataDir, cfg.StateDir = filepath.Join(dir, "data"), filepath.Join(dir, "state")
	change(&cfg)
	if err := errors.Join(err, os.Mkdir(cfg.DataDir, 0o755)); err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(cfg.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	tok, err := st.AddSender(Sender)
	if err != nil {
		t.Fatal(err)
	}
	return dir, append(os.Environ(), "CLIENT_SERVER="+Run(t, cfg).String(), "CLIENT_TOKEN="+tok.Reveal(),
		"CLIENT_SERVER_IDENTITY="+st.Identity().VerifierKey(receipt.Origin(st.LogbookID())))
}

// Run runs a server until the test ends, and returns where it listens.
func Run(t testing.TB, cfg daemon.Config) net.Addr {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.Nop(), daemon.Options{
			OnListen: func(sealpost, _, _ net.Addr) { listening <- sealpost },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	select {
	case address := <-listening:
		return address
	case err := <-ended:
		ended <- err
		t.Fatalf("server: %v", err)
		return nil
	}
}
