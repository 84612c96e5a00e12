package collector_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
)

// put writes a file of a neighbour's.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of others")
	}
	if err := errors.Join(os.WriteFile(path, text, 0o644), os.Chown(path, 4242, 4242)); err != nil {
		t.Fatal(err)
	}
}

// A neighbour's copy of a log file is true when it is looked at, and may be
// anything a moment later.
func TestNeighboursLogFileIsNotTaken(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	shared(t, cfg)
	path := filepath.Join(cfg.Dir, "server_message2.txt")
	put(t, path, v.Read("server_message2.txt"))
	_, result, err := collect(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failures) != 1 || !errors.Is(result.Failures[0], collector.ErrForeign) {
		t.Errorf("failures: %v", result.Failures)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, result := mustCollect(t, cfg); result.New != 1 {
		t.Errorf("taken away: %+v", result)
	}
	sameFiles(t, v, cfg.Dir)
}

// A neighbour says neither what is still owed, nor what was signed.
func TestNeighboursWordIsNotTaken(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	shared(t, cfg)
	mustCollect(t, cfg)
	path := filepath.Join(cfg.Dir, "owed")
	put(t, path, []byte("2\n"))
	if err := os.Remove(filepath.Join(cfg.Dir, "server_message2.txt")); err != nil { // dealt with
		t.Fatal(err)
	}
	if _, _, err := collect(t, cfg); err == nil || !strings.Contains(err.Error(), "owed: it is not a plain file") {
		t.Errorf("error %v", err)
	}
	if got := string(read(t, cfg.Dir, "owed")); got != "2\n" {
		t.Errorf("owed now holds %q", got)
	}
	put(t, filepath.Join(cfg.Dir, "checkpoint"), []byte("theirs"))
	out, err := collector.OpenOutput(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if text, err := out.ReadFile("checkpoint", 1<<10); err == nil {
		t.Errorf("their checkpoint is %q", text)
	}
}
