package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/run"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/settings"
)

// signedVolume is a volume of n messages without outbox, and the settings to
// collect it and check its checkpoint.
func signedVolume(t *testing.T, n int) (*drivertest.Volume, run.Settings) {
	t.Helper()
	v := drivertest.NewVolume(t)
	for range n {
		v.Add("a.txt", []byte("text"))
	}
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	cfg.ServerIdentity, cfg.Timeout = settings.Secret(v.Pins().String()), 0
	return v, cfg
}

// kept is the checkpoint in the output directory, "" if there is none.
func kept(t *testing.T, cfg run.Settings) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cfg.OutputDir, logfile.CheckpointName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// summaryOf runs the driver and returns its last line.
func summaryOf(t *testing.T, cfg run.Settings) (string, error) {
	t.Helper()
	out, _, err := start(cfg)
	_, summary := splitSummary(t, out)
	return summary, err
}

func TestKeepsTheNewestCheckpoint(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	for _, step := range []struct {
		signed  int // size of the checkpoint on the server
		keep    int // of the kept one afterwards
		summary string
	}{
		{2, 2, "checkpoint of 2 lines verified"},
		{3, 3, "checkpoint of 3 lines verified"},
		{3, 3, "checkpoint of 3 lines verified"},
		{1, 3, "checkpoint of 1 line verified, older than the kept one of 3"},
		{0, 3, "checkpoint of 0 lines verified, older than the kept one of 3"},
	} {
		v.PutCheckpoint(step.signed)
		summary, err := summaryOf(t, cfg)
		if err != nil || !strings.HasSuffix(summary, "; "+step.summary) {
			t.Errorf("%d signed: %q, %v", step.signed, summary, err)
		}
		if kept(t, cfg) != v.SignCheckpoint(step.keep) {
			t.Errorf("%d signed: kept\n%s", step.signed, kept(t, cfg))
		}
	}
	v.Add("later.txt", []byte("x"))
	v.PutCheckpoint(4)
	if _, err := summaryOf(t, cfg); err != nil || kept(t, cfg) != v.SignCheckpoint(4) {
		t.Errorf("grown: %v, kept\n%s", err, kept(t, cfg))
	}
}

func TestServerWithoutCheckpoint(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	summary, err := summaryOf(t, cfg)
	if err != nil || !strings.HasSuffix(summary, "; no checkpoint on the server") || kept(t, cfg) != "" {
		t.Errorf("%q, %v", summary, err)
	}
	v.PutCheckpoint(1)
	if _, err := summaryOf(t, cfg); err != nil {
		t.Fatal(err)
	}
	before := kept(t, cfg)
	v.Remove(logfile.CheckpointName)
	if _, err := summaryOf(t, cfg); !errors.Is(err, run.ErrCheckpointGone) {
		t.Errorf("taken away: %v", err)
	}
	if kept(t, cfg) != before {
		t.Error("the kept checkpoint changed")
	}
	cfg.ServerIdentity = ""
	if summary, err := summaryOf(t, cfg); err != nil ||
		!strings.HasSuffix(summary, "checkpoint not checked: no DRIVER_SERVER_IDENTITY") {
		t.Errorf("without identity: %q, %v", summary, err)
	}
}

// TestCheckpointThatIsNone: it is a failure, all files are collected, and what
// was kept stays.
func TestCheckpointThatIsNone(t *testing.T) {
	for name, test := range map[string]struct {
		text func(v *drivertest.Volume) string
		want error
	}{
		"empty":     {func(*drivertest.Volume) string { return "" }, receipt.ErrMalformed},
		"no note":   {func(*drivertest.Volume) string { return "hello\n" }, receipt.ErrMalformed},
		"a receipt": {func(v *drivertest.Volume) string { return v.Receipt(v.Entries[1]) }, receipt.ErrMalformed},
		"cut":       {func(v *drivertest.Volume) string { return v.SignCheckpoint(2)[:90] }, receipt.ErrMalformed},
		"changed": {func(v *drivertest.Volume) string { return strings.Replace(v.SignCheckpoint(2), "\n2\n", "\n1\n", 1) },
			receipt.ErrSignature},
		"a stranger": {func(*drivertest.Volume) string { return drivertest.NewVolume(t).SignCheckpoint(0) },
			receipt.ErrSignature},
		"too long": {func(*drivertest.Volume) string { return strings.Repeat("x", receipt.MaxSize+1) },
			collector.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			v, cfg := signedVolume(t, 2)
			v.PutCheckpoint(1)
			if _, err := summaryOf(t, cfg); err != nil {
				t.Fatal(err)
			}
			v.Add("later.txt", nil)
			v.Write(logfile.CheckpointName, []byte(test.text(v)))
			summary, err := summaryOf(t, cfg)
			var failed *run.FailedError
			var bad *run.CheckpointError
			if !errors.As(err, &failed) || len(failed.Failures) != 1 || !errors.As(err, &bad) || !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if !strings.HasPrefix(summary, "3 files, ") || !strings.HasSuffix(summary, "1 new; 1 failure") {
				t.Errorf("summary %q", summary)
			}
			if kept(t, cfg) != v.SignCheckpoint(1) {
				t.Errorf("kept\n%s", kept(t, cfg))
			}
		})
	}
}

// TestKeptCheckpointThatIsNone: it may be the evidence of something, and is not
// replaced.
func TestKeptCheckpointThatIsNone(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	for text, want := range map[string]error{
		"hello\n": receipt.ErrMalformed,
		strings.Replace(v.SignCheckpoint(2), "\n2\n", "\n1\n", 1): receipt.ErrSignature,
	} {
		path := filepath.Join(cfg.OutputDir, logfile.CheckpointName)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := summaryOf(t, cfg)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "kept checkpoint "+path) || kept(t, cfg) != text {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
