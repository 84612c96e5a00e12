package collector_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

func TestForeignFileIsNotReplaced(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	same := bytes.ToUpper(v.Read("server_message4.txt"))
	if err := os.WriteFile(filepath.Join(cfg.Dir, "server_message2.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, "server_message4.txt"), same, 0o600); err != nil {
		t.Fatal(err)
	}
	_, result, err := collect(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failures) != 2 || !errors.Is(result.Failures[0], collector.ErrForeign) ||
		!errors.Is(result.Failures[1], collector.ErrForeign) {
		t.Errorf("failures: %v", result.Failures)
	}
	if string(read(t, cfg.Dir, "server_message2.txt")) != "mine" ||
		!bytes.Equal(read(t, cfg.Dir, "server_message4.txt"), same) {
		t.Error("a file was replaced")
	}
	for _, e := range []string{"server_message2.txt", "server_message4.txt"} { // as the hint says
		if err := os.Remove(filepath.Join(cfg.Dir, e)); err != nil {
			t.Fatal(err)
		}
	}
	if _, result := mustCollect(t, cfg); result.New != 2 {
		t.Errorf("moved away: %+v", result)
	}
	sameFiles(t, v, cfg.Dir)
}

func TestOneCollectorADirectory(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	lock, err := durable.TryLock(filepath.Join(cfg.Dir, ".collecting"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect(t, cfg); !errors.Is(err, collector.ErrInUse) {
		t.Errorf("while locked: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	mustCollect(t, cfg)
}

// TestLockOfAKilledCollector: a driver that is killed while it starts a hook leaves its
// lock to that for a moment.
func TestLockOfAKilledCollector(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	lock, err := durable.TryLock(filepath.Join(cfg.Dir, ".collecting"))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = lock.Close() }) // the fault, not a wait
	mustCollect(t, cfg)
}

func TestCrashInTheMiddleOfTheKeptManifest(t *testing.T) {
	v := sampleVolume(t, 5)
	for name, crash := range map[string]string{
		"half of the last line": v.Manifest()[:len(v.Manifest())-10],
		"half of the first":     v.Manifest()[:10],
		"zeros":                 v.Lines(4) + strings.Repeat("\x00", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			mustCollect(t, cfg)
			if err := os.WriteFile(filepath.Join(cfg.Dir, logfile.ManifestName), []byte(crash), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, result := mustCollect(t, cfg); result.New != 0 || result.Files != 5 {
				t.Errorf("after the crash: %+v", result)
			}
			sameFiles(t, v, cfg.Dir)
		})
	}
}

// Somebody else's file under the name of the manifest loses nothing.
func TestForeignManifest(t *testing.T) {
	v := sampleVolume(t, 2)
	for _, text := range []string{"notes", "a line\nand half of", `{"v":2,"seq":0`} {
		cfg := config(t, drivertest.Serve(t, v.Dir, nil))
		path := filepath.Join(cfg.Dir, logfile.ManifestName)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := collector.Collect(t.Context(), cfg)
		var manifest *collector.ManifestError
		if !errors.As(err, &manifest) || !manifest.Kept {
			t.Errorf("%q: %v", text, err)
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != text {
			t.Errorf("%q became %q, %v", text, have, err)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	ctx, cancel := context.WithCancel(context.Background())
	cfg.Each = func(collector.Item) error {
		cancel()
		return nil
	}
	if _, err := collector.Collect(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop := errors.New("enough")
	cfg.Each = func(collector.Item) error { return stop }
	if _, err := collector.Collect(context.Background(), cfg); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
	cfg.Each = nil
	if _, err := collector.Collect(context.Background(), cfg); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	sameFiles(t, v, cfg.Dir)
}
