package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sealpost/services/server/daemon"
	"sealpost/services/server/daemon/daemontest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// Clients share an outbox and are killed after a few messages each, until all
// is sent: the real server has every file once, and every receipt is there.
func TestKilledClientsLoseAndDoubleNothing(t *testing.T) {
	dir, env := startServer(t)
	box := t.TempDir()
	want := make(map[string]string)
	for i := range 100 {
		name := fmt.Sprintf("%03d.txt", i)
		want[name] = fmt.Sprintf("content of %d\n", i)
		if err := os.WriteFile(filepath.Join(box, name), []byte(want[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	after := make(chan int, 12)
	for range cap(after) {
		after <- random.IntN(8)
	}
	close(after)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			var err error
			for n := range after {
				if e := killedAfter(t.Context(), n, box, env); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	last := exec.CommandContext(t.Context(), "client", "-outbox", box)
	last.Env = env
	if out, err := last.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkSent(t, box, want)
	checkManifest(t, dir, want)
}

// killedAfter runs a client and kills it once it has sent n messages.
func killedAfter(ctx context.Context, n int, box string, env []string) error {
	cmd := exec.CommandContext(ctx, "client", "-outbox", box)
	cmd.Env = env
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait() // it was killed, or had ended
	return nil
}

func checkSent(t *testing.T, box string, want map[string]string) {
	t.Helper()
	for name, content := range want {
		found, err := filepath.Glob(filepath.Join(box, "sent", "*", name))
		if err != nil || len(found) != 1 {
			t.Errorf("%s is %d times in sent", name, len(found))
			continue
		}
		if got, err := os.ReadFile(found[0]); err != nil || string(got) != content {
			t.Errorf("%s holds %q, %v", found[0], got, err)
		}
		if _, err := os.Stat(found[0] + receipt.FileSuffix); err != nil {
			t.Error(err)
		}
	}
}

func checkManifest(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "logs", logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	times := make(map[string]int)
	for line := range bytes.Lines(text) {
		entry, err := logfile.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		times[entry.Name]++
	}
	for name := range want {
		if times[name] != 1 {
			t.Errorf("%s is %d times in the manifest", name, times[name])
		}
	}
	if len(times) != len(want) {
		t.Errorf("%d names in the manifest, want %d", len(times), len(want))
	}
}

// startServer runs a server until the test ends and returns its directory and
// the environment of a client.
func startServer(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir, env = daemontest.Serve(t, func(*daemon.Config) {})
	return dir, append(env, "GORACE=atexit_sleep_ms=0")
}
