package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/run"
	"sealpost/shared/logfile"
)

// accept makes the output directory know another logbook, and returns where the former
// one lies.
func accept(t *testing.T, cfg run.Settings, id string) (former string) {
	t.Helper()
	former, err := handon.AcceptLogbook(cfg.OutputDir, id)
	if err != nil {
		t.Fatal(err)
	}
	return former
}

// refused checks that a run stops at another logbook, and collects nothing.
func refused(t *testing.T, cfg run.Settings, known, server string) {
	t.Helper()
	before := in(t, cfg.OutputDir)
	_, log, err := start(cfg)
	var book *run.LogbookError
	if !errors.As(err, &book) || book.Known != known || book.Server != server {
		t.Errorf("%v\n%s", err, log)
	}
	if after := in(t, cfg.OutputDir); !slices.Equal(after, before) {
		t.Errorf("there were %q, now %q", before, after)
	}
}

// renewed is a volume of one message in another logbook of the same server, and its
// address.
func renewed(t *testing.T, v *drivertest.Volume, mark string) (*drivertest.Volume, string) {
	t.Helper()
	other := drivertest.NewVolume(t)
	other.Server, other.Logbook = v.Server, mark+v.Logbook[2:]
	other.Add("new.txt", []byte("new"))
	other.PutCheckpoint(1)
	return other, drivertest.Serve(t, other.Dir, nil)
}

// TestAnotherLogbook is refused until it is accepted; then it comes from its beginning,
// all of the former one is kept, and a third one is refused before anything of it came.
func TestAnotherLogbook(t *testing.T) {
	v, cfg := signedVolume(t, 0)
	v.Add("a.txt", []byte("text"))
	v.Sharded = true
	v.Add("b.txt", []byte("text"))
	v.Add("c.txt", []byte("text"))
	v.PutCheckpoint(3)
	v.Retire(1, "2", 2)
	messagesIn(t, &cfg)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	first := string(cfg.FTPAddr)
	former := in(t, cfg.OutputDir)
	second, address := renewed(t, v, "ff")
	_, third := renewed(t, v, "ee")

	cfg.Lag = time.Hour
	at(&cfg, address, first) // it is no lag
	refused(t, cfg, v.Logbook, second.Logbook)
	dir := accept(t, cfg, second.Logbook)
	if dir != filepath.Join(cfg.OutputDir, "former-"+v.Logbook) || !slices.Equal(in(t, dir), former) {
		t.Errorf("%s has %q, not %q", dir, in(t, dir), former)
	}
	if left := in(t, cfg.OutputDir); !slices.Equal(left, []string{filepath.Base(dir), "logbook"}) {
		t.Errorf("left: %q", left)
	}
	at(&cfg, third)
	refused(t, cfg, second.Logbook, "ee"+v.Logbook[2:])
	at(&cfg, address)
	messages := messagesIn(t, &cfg)
	if _, log, err := start(cfg); err != nil || kept(t, cfg) != second.SignCheckpoint(1) {
		t.Errorf("%v\n%s", err, log)
	}
	names{"0-new.txt"}.compare(t, messages())
	at(&cfg, first)
	refused(t, cfg, second.Logbook, v.Logbook)
}

// TestAcceptedLogbookMustShow: without a checkpoint nothing says which logbook it is.
func TestAcceptedLogbookMustShow(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	v.PutCheckpoint(1)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	v.Remove(logfile.CheckpointName)
	accept(t, cfg, "ff"+v.Logbook[2:])
	before := in(t, cfg.OutputDir)
	if _, _, err := start(cfg); !errors.Is(err, run.ErrNoLogbook) || !slices.Equal(before, in(t, cfg.OutputDir)) {
		t.Errorf("%v, %q", err, in(t, cfg.OutputDir))
	}
}

// TestAcceptCutShort: whatever of it was done, no run collects, and it can be done again.
func TestAcceptCutShort(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	former := in(t, cfg.OutputDir)
	other, address := renewed(t, v, "ff")
	at(&cfg, address)
	dir := filepath.Join(cfg.OutputDir, "former-"+v.Logbook)
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(cfg.OutputDir, "logbook"),
		[]byte(other.Logbook+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{logfile.ManifestName, "server_message0.txt"} {
		if err := os.Rename(filepath.Join(cfg.OutputDir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		refused(t, cfg, v.Logbook, other.Logbook)
	}
	if accept(t, cfg, other.Logbook) != dir || !slices.Equal(in(t, dir), former) {
		t.Errorf("%q, not %q", in(t, dir), former)
	}
	if _, log, err := start(cfg); err != nil || kept(t, cfg) != other.SignCheckpoint(1) {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestFollowStopsAtAnotherLogbook: it is red, and nothing waits for it.
func TestFollowStopsAtAnotherLogbook(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	v.PutCheckpoint(1)
	_, second := copyOf(t, v)
	at(&cfg, string(cfg.FTPAddr), second)
	cfg.Lag = time.Hour
	f := follow(t, cfg)
	f.await(t, "up to date", 1)
	v.Logbook = "ff" + v.Logbook[2:]
	v.PutCheckpoint(1)
	select {
	case err := <-f.done:
		if !errors.As(err, new(*run.LogbookError)) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("it goes on:\n%s", f)
	}
}
