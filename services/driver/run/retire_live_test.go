package run_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "sealpost/services/client/cli"
	"sealpost/services/driver/drivertest"
	"sealpost/services/server/daemon"
	"sealpost/services/server/daemon/daemontest"
	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/numbers"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// TestRetiredByAServer: a server takes messages, retires some of them, and takes more; a
// driver collects all that it does not pass over.
func TestRetiredByAServer(t *testing.T) {
	dir, env := daemontest.Serve(t, func(*daemon.Config) {})
	for _, pair := range env[len(env)-3:] {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	send := func(names ...string) {
		t.Helper()
		for _, name := range names {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			std := voice.Streams{In: strings.NewReader(""), Out: &said, Err: &said}
			if status := client.Main(t.Context(), []string{file}, std); status != 0 {
				t.Fatalf("status %d\n%s", status, said.String())
			}
		}
	}
	send("a.txt", "b.txt", "c.txt")
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	done, err := volumes.Retire(t.Context(), filepath.Join(dir, "data"), st,
		state.RetireOrder{Range: &numbers.Range{First: 0, Last: 1}}, false)
	if err != nil || done.Numbers.Count() != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	send("d.txt")
	cfg := config(t, drivertest.Serve(t, filepath.Join(dir, "data", "logs"), nil))
	cfg.ServerIdentity, cfg.Timeout = settings.Secret(st.Pins().String()), 10*time.Second
	summary, err := summaryOf(t, cfg)
	if err != nil || !strings.HasPrefix(summary, "2 files, ") ||
		!strings.Contains(summary, "2 new, 2 retired; checkpoint of ") {
		t.Errorf("%q, %v", summary, err)
	}
}
