package run_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/run"
	"sealpost/shared/nettest"
	"sealpost/shared/settings"
)

// messagesIn has what is collected handed on to a directory, and returns what lies there.
func messagesIn(t *testing.T, cfg *run.Settings) func() []string {
	t.Helper()
	cfg.MessagesDir = filepath.Join(t.TempDir(), "messages")
	return func() (list []string) {
		entries, err := os.ReadDir(cfg.MessagesDir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
}

// names are those in a directory of messages.
type names []string

func (n names) compare(t *testing.T, got []string) {
	t.Helper()
	if !slices.Equal(got, n) {
		t.Errorf("handed on %q, want %q", got, n)
	}
}

// TestHandsOnWhatIsSigned: without an identity all that came; with one no message that
// a checkpoint does not show to be the server's, and none while anything contradicts it.
func TestHandsOnWhatIsSigned(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	messages := messagesIn(t, &cfg)
	failsWith(t, cfg, run.ErrNothingSigned, "no checkpoint")
	names{}.compare(t, messages())

	v.PutCheckpoint(2)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	names{"0-a.txt", "1-a.txt"}.compare(t, messages())

	v.PutCheckpoint(3)
	v.Add("forged.txt", []byte("not signed as this"))
	checkpoint := v.SignCheckpoint(4)
	v.Replace(3, []byte("forged"))
	v.Write("checkpoint", []byte(checkpoint))
	failsWith(t, cfg, nil, "a change in lines")
	names{"0-a.txt", "1-a.txt"}.compare(t, messages())

	cfg.ServerIdentity = ""
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	names{"0-a.txt", "1-a.txt", "2-a.txt", "3-forged.txt"}.compare(t, messages())
}

// TestHandsOnNothingBehindABreak: a run that breaks off has not compared the manifest
// with the checkpoint, whose signature alone says nothing about the lines.
func TestHandsOnNothingBehindABreak(t *testing.T) {
	v, cfg := attackedVolume(t)
	v.Replace(0, []byte("forged"))
	messages := messagesIn(t, &cfg)
	if err := run.Run(t.Context(), cfg, nil, closed{}, io.Discard); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	names{}.compare(t, messages())
}

// closed is a writer that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestHandsOnNoSplitView: the server's own checkpoint is true of its manifest, and a
// receipt is not.
func TestHandsOnNoSplitView(t *testing.T) {
	v, cfg := attackedVolume(t)
	o := drivertest.NewOutbox(t, v)
	o.Sent(v.Entries[3], "text")
	v.Replace(1, []byte("for you alone"))
	v.PutCheckpoint(4)
	cfg.Outbox = o.Dir
	messages := messagesIn(t, &cfg)
	failsWith(t, cfg, audit.ErrSplit, "split view")
	names{}.compare(t, messages())
}

// TestHandsOnWithoutTheServer: what an earlier run found signed goes though no FTP
// server can be had.
func TestHandsOnWithoutTheServer(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	gone := nettest.Listen(t)
	gone.Close()
	cfg.FTPAddr = settings.Addresses(gone.Addr().String())
	messages := messagesIn(t, &cfg)
	var connect *collector.ConnectError
	if _, _, err := start(cfg); !errors.As(err, &connect) {
		t.Error(err)
	}
	names{"0-a.txt", "1-a.txt"}.compare(t, messages())
}

func TestHandOnSettings(t *testing.T) {
	for _, test := range []struct {
		set  run.HandOn
		rule string
	}{
		{run.HandOn{OnFile: "true", OnFileURL: "http://a"}, "not both"},
		{run.HandOn{OnFile: "  "}, "must name a program"},
		{run.HandOn{OnFile: "/no/such/program x"}, "must be a program that can be started"},
		{run.HandOn{OnFileURL: "ftp://who:secret@a"}, "must be a URL such as"},
	} {
		cfg := config(t, "127.0.0.1:1")
		cfg.HandOn = test.set
		_, _, err := start(cfg)
		var bad *settings.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), test.rule) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", test.set, err)
		}
	}
}
