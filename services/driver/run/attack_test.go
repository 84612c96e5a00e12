package run_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/receipts"
	"sealpost/services/driver/run"
	"sealpost/shared/logfile"
)

// What a collector holds besides the volume: something signed of all four
// messages of attackedVolume.
var evidence = map[string]func(t *testing.T, v *drivertest.Volume, cfg *run.Settings){
	"the server's checkpoint": func(*testing.T, *drivertest.Volume, *run.Settings) {},
	"a kept checkpoint": func(t *testing.T, v *drivertest.Volume, cfg *run.Settings) {
		path := filepath.Join(cfg.OutputDir, logfile.CheckpointName)
		if err := os.WriteFile(path, []byte(v.SignCheckpoint(4)), 0o644); err != nil {
			t.Fatal(err)
		}
	},
	"a receipt": func(t *testing.T, v *drivertest.Volume, cfg *run.Settings) {
		o := drivertest.NewOutbox(t, v)
		o.Sent(v.Entries[3], "text")
		cfg.Outbox = o.Dir
	},
	"an earlier collection": func(t *testing.T, _ *drivertest.Volume, cfg *run.Settings) {
		if _, _, err := start(*cfg); err != nil {
			t.Fatal(err)
		}
	},
}

func attackedVolume(t *testing.T) (*drivertest.Volume, run.Settings) {
	t.Helper()
	v, cfg := signedVolume(t, 4)
	v.PutCheckpoint(4)
	return v, cfg
}

// failsWith runs the driver and checks that it fails, and what it says. A cause
// of nil stands for any.
func failsWith(t *testing.T, cfg run.Settings, cause error, words string) {
	t.Helper()
	_, _, err := start(cfg)
	var failed *run.FailedError
	if !errors.As(err, &failed) || cause != nil && !errors.Is(err, cause) || !strings.Contains(err.Error(), words) {
		t.Errorf("%v\nwant %v, %q", err, cause, words)
	}
}

// TestEveryManipulationIsFound: each of them to each message, over FTP, by a
// collector that holds one thing that the server signed before.
func TestEveryManipulationIsFound(t *testing.T) {
	for holds, prepare := range evidence {
		for seq := range 4 {
			t.Run(fmt.Sprintf("%s, message %d", holds, seq), func(t *testing.T) {
				t.Parallel() // most of the time is spent waiting before a second attempt
				again := holds == "an earlier collection"
				attack := func(do func(v *drivertest.Volume), cause error, words string) {
					t.Helper()
					v, cfg := attackedVolume(t)
					prepare(t, v, &cfg)
					do(v)
					failsWith(t, cfg, cause, words)
				}
				file := logfile.FileName(uint64(seq))
				if !again { // it has the files, and does not look at the server's again
					attack(func(v *drivertest.Volume) { v.Remove(file) }, collector.ErrMissing, file)
					attack(func(v *drivertest.Volume) { v.Write(file, []byte("x")) }, collector.ErrSize, file)
					attack(func(v *drivertest.Volume) {
						v.Write(file, []byte(strings.ToUpper(string(v.Read(file)))))
					}, collector.ErrDigest, file)
				}
				// Log file and line are altered to fit each other.
				cause, words := error(audit.ErrAltered), "a change in lines 0 to 3"
				if again {
					cause, words = collector.ErrChanged, fmt.Sprintf("line %d", seq)
				}
				attack(func(v *drivertest.Volume) { v.Replace(seq, []byte("TEXT")) }, cause, words)
				// The line is taken away; the checkpoint says so where it was the last one.
				attack(func(v *drivertest.Volume) {
					v.SetManifest(strings.Replace(v.Manifest(), v.Line(v.Entries[seq])+"\n", "", 1))
				}, taken(again, seq), fmt.Sprintf("line %d", seq))
			})
		}
	}
}

// taken is how a line that was taken away shows.
func taken(again bool, seq int) error {
	switch {
	case again:
		return collector.ErrBehind
	case seq == 3:
		return audit.ErrShort
	}
	return nil
}

// TestCutBackWithAnOlderCheckpoint: the volume is true in itself, as one is that
// was restored from yesterday.
func TestCutBackWithAnOlderCheckpoint(t *testing.T) {
	for holds, prepare := range evidence {
		for lines := range 4 {
			t.Run(fmt.Sprintf("%s, cut to %d", holds, lines), func(t *testing.T) {
				v, cfg := attackedVolume(t)
				prepare(t, v, &cfg)
				v.SetManifest(v.Lines(lines))
				v.PutCheckpoint(lines)
				switch holds {
				case "the server's checkpoint": // nothing of what was signed is left
					if _, _, err := start(cfg); err != nil {
						t.Errorf("true in itself: %v", err)
					}
				case "an earlier collection":
					failsWith(t, cfg, collector.ErrBehind, fmt.Sprintf("line %d", lines))
				case "a receipt":
					failsWith(t, cfg, receipts.ErrNoLine, "message 3")
					fallthrough
				default:
					words := fmt.Sprintf("lines %d to 3 missing, of 4 that were signed", lines)
					if lines == 3 {
						words = "line 3 missing, of 4"
					}
					failsWith(t, cfg, audit.ErrShort, words)
				}
			})
		}
	}
}

// TestTwoViews: two manifests, each with its own checkpoint, for two readers.
// The receipt of one reader in the hands of the other shows it.
func TestTwoViews(t *testing.T) {
	v, cfg := attackedVolume(t)
	o := drivertest.NewOutbox(t, v)
	o.Sent(v.Entries[3], "text")
	v.Replace(1, []byte("for you alone"))
	v.PutCheckpoint(4)
	if _, _, err := start(cfg); err != nil {
		t.Errorf("one view alone: %v", err)
	}
	first := kept(t, cfg)
	cfg.Outbox = o.Dir
	failsWith(t, cfg, audit.ErrSplit, drivertest.ReceiptPath(v.Entries[3])+": split view")
	if kept(t, cfg) != first {
		t.Error("the kept checkpoint changed")
	}
}

// TestAnotherViewLater: a collector that kept a checkpoint is shown a manifest
// from which the first mebibyte, which it does not fetch again, was rewritten.
func TestAnotherViewLater(t *testing.T) {
	v, cfg := signedVolume(t, 4)
	v.PutCheckpoint(3)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	before := kept(t, cfg)
	shown := v.Manifest()
	v.Replace(1, []byte("TEXT"))
	v.PutCheckpoint(4)
	v.SetManifest(shown)
	failsWith(t, cfg, audit.ErrAltered, "checkpoint: 4 lines were signed, and the manifest has others")
	if kept(t, cfg) != before {
		t.Error("the kept checkpoint changed")
	}
}
