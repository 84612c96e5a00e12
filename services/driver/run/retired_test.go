package run_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/receipts"
	"sealpost/services/driver/run"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// keptList is the list of retired messages in the output directory, "" for none.
func keptList(t *testing.T, cfg run.Settings) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cfg.OutputDir, logfile.RetiredName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// TestPassesOverRetired: what the server has retired is neither missing nor owed, and its
// receipts are held against its line all the same.
func TestPassesOverRetired(t *testing.T) {
	v, cfg := signedVolume(t, 0)
	for i := range 5 {
		v.Add(fmt.Sprint(i), []byte("text"))
	}
	v.PutCheckpoint(5)
	v.Retire(1, "0-1,3", 0, 1, 3)
	outbox := drivertest.NewOutbox(t, v)
	for _, e := range v.Entries {
		outbox.Sent(e, "text")
	}
	cfg.Outbox = outbox.Dir
	for i, want := range []string{"2 new", "0 new"} {
		summary, err := summaryOf(t, cfg)
		want += ", 3 retired; 5 receipts verified"
		if err != nil || !strings.Contains(summary, "2 files, ") || !strings.Contains(summary, want) {
			t.Errorf("run %d: %q, %v", i, summary, err)
		}
		if keptList(t, cfg) != v.SignRetired(1, "0-1,3") {
			t.Errorf("run %d: kept\n%s", i, keptList(t, cfg))
		}
	}
	v.Add("later.txt", []byte("x"))
	v.PutCheckpoint(6)
	v.Remove(v.Entries[5].File)
	_, err := summaryOf(t, cfg)
	var missing *collector.MissingError
	if !errors.As(err, &missing) || missing.Numbers.String() != "5" || missing.NoList {
		t.Errorf("one that is gone and not named: %v", err)
	}
	v.Retire(2, "0-1,3,5")
	if summary, err := summaryOf(t, cfg); err != nil || !strings.Contains(summary, "4 retired") {
		t.Errorf("named now: %q, %v", summary, err)
	}
	if _, err := os.Lstat(filepath.Join(cfg.OutputDir, "owed")); err == nil {
		t.Error("it is still owed")
	}
}

// TestReceiptOfRetired: a line that is not the one in the receipt is found without the file.
func TestReceiptOfRetired(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	outbox := drivertest.NewOutbox(t, v)
	outbox.Sent(v.Entries[0], "text")
	v.Replace(0, []byte("another"))
	v.PutCheckpoint(2)
	v.Retire(1, "0", 0)
	cfg.Outbox = outbox.Dir
	if _, err := summaryOf(t, cfg); !errors.Is(err, receipts.ErrLine) {
		t.Errorf("got %v", err)
	}
}

// TestRetiredNotBelieved: without an identity, and with a list that does not hold, what
// is gone is missing.
func TestRetiredNotBelieved(t *testing.T) {
	foreign := drivertest.NewIdentity(t)
	for name, c := range map[string]struct {
		spoil  func(*drivertest.Volume, *run.Settings)
		want   error
		noList bool
	}{
		"no identity": {func(_ *drivertest.Volume, cfg *run.Settings) {
			cfg.ServerIdentity = ""
		}, collector.ErrMissing, true},
		"signed by another": {func(v *drivertest.Volume, _ *run.Settings) {
			ours := v.Server
			v.Server = foreign
			v.Retire(1, "0")
			v.Server = ours
		}, receipt.ErrSignature, false},
		"altered": {func(v *drivertest.Volume, _ *run.Settings) {
			v.Write(logfile.RetiredName, []byte(strings.Replace(v.SignRetired(1, "1"), "\n1-1\n", "\n0-1\n", 1)))
		}, receipt.ErrSignature, false},
		"of another logbook": {func(v *drivertest.Volume, _ *run.Settings) {
			ours := v.Logbook
			v.Logbook = "ff" + ours[2:]
			v.Retire(1, "0")
			v.Logbook = ours
		}, run.ErrOtherLogbook, false},
		"no list": {func(v *drivertest.Volume, _ *run.Settings) {
			v.Write(logfile.RetiredName, []byte("no list"))
		}, receipt.ErrMalformed, false},
		"too long": {func(v *drivertest.Volume, _ *run.Settings) {
			v.Write(logfile.RetiredName, make([]byte, receipt.MaxRetired+1))
		}, collector.ErrTooLarge, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, cfg := signedVolume(t, 2)
			v.PutCheckpoint(2)
			v.Retire(1, "0", 0)
			c.spoil(v, &cfg)
			_, err := summaryOf(t, cfg)
			var missing *collector.MissingError
			if !errors.Is(err, c.want) || !errors.As(err, &missing) || missing.NoList != c.noList {
				t.Errorf("got %v", err)
			}
			if text := keptList(t, cfg); text != "" {
				t.Errorf("kept\n%s", text)
			}
		})
	}
}

// TestRetiredTakenBack: a list that goes back on the kept one is a failure, and the kept
// one stays, as evidence, and holds.
func TestRetiredTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		show func(*drivertest.Volume)
		want error
	}{
		"rolled back":    {func(v *drivertest.Volume) { v.Retire(2, "0") }, receipt.ErrLowerSerial},
		"number lacking": {func(v *drivertest.Volume) { v.Retire(4, "0") }, receipt.ErrTakenBack},
		"serial twice":   {func(v *drivertest.Volume) { v.Retire(3, "0-2") }, receipt.ErrTakenBack},
		"gone":           {func(v *drivertest.Volume) { v.Remove(logfile.RetiredName) }, run.ErrRetiredGone},
	} {
		t.Run(name, func(t *testing.T) {
			v, cfg := signedVolume(t, 3)
			v.PutCheckpoint(3)
			v.Retire(3, "0-1", 0, 1)
			if _, err := summaryOf(t, cfg); err != nil {
				t.Fatal(err)
			}
			before := keptList(t, cfg)
			c.show(v)
			for range 2 {
				_, err := summaryOf(t, cfg)
				var typed *run.RetiredError
				if !errors.Is(err, c.want) || !errors.As(err, &typed) || errors.Is(err, collector.ErrMissing) {
					t.Errorf("got %v", err)
				}
				if keptList(t, cfg) != before {
					t.Errorf("kept\n%s", keptList(t, cfg))
				}
			}
		})
	}
}

// TestRetiredAfterAccept: a new logbook that was accepted begins a new list, and the old
// one counts no more.
func TestRetiredAfterAccept(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	v.PutCheckpoint(3)
	v.Retire(7, "0", 0)
	if _, err := summaryOf(t, cfg); err != nil {
		t.Fatal(err)
	}
	v.Logbook = "ff" + v.Logbook[2:]
	v.PutCheckpoint(3)
	v.Retire(1, "0-1", 1)
	accept(t, cfg, v.Logbook)
	if summary, err := summaryOf(t, cfg); err != nil || keptList(t, cfg) != v.SignRetired(1, "0-1") {
		t.Errorf("%q, %v, kept\n%s", summary, err, keptList(t, cfg))
	}
}
