// Package upgrade holds the present programs to volumes that earlier ones wrote: what
// docs/UPGRADE.md says of them is tried on what make-volumes had real programs make.
package upgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	client "sealpost/services/client/cli"
	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	driver "sealpost/services/driver/cli"
	server "sealpost/services/server/cli"
	"sealpost/services/server/daemon"
	"sealpost/services/server/daemon/daemontest"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

// patience is how long a message may take, on a machine that is busy.
const patience = 3 * time.Minute

// programEnv makes the test binary that program.
const programEnv = "UPGRADE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	programs := map[string]func(context.Context, []string, voice.Streams) int{
		"client": client.Main, "driver": driver.Main, "server": server.Main}
	if program := programs[os.Getenv(programEnv)]; program != nil {
		os.Exit(program(signals.Context(context.Background()), os.Args[1:], voice.Standard()))
	}
	os.Exit(m.Run())
}

// volumes is a copy of what an earlier version made.
type volumes struct {
	*testing.T
	dir string
}

// each runs a test on a copy of the volumes of each version there is.
func each(t *testing.T, test func(v volumes)) {
	t.Helper()
	versions, err := filepath.Glob("testdata/*")
	if err != nil || len(versions) == 0 {
		t.Fatalf("no volumes: %v", err)
	}
	for _, version := range versions {
		t.Run(filepath.Base(version), func(t *testing.T) {
			v := volumes{t, filepath.Join(t.TempDir(), "volumes")}
			v.check(os.CopyFS(v.dir, os.DirFS(version)))
			v.check(filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				return os.Chmod(path, map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()])
			}))
			test(v)
		})
	}
}

func (v volumes) check(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

func (v volumes) read(path string) string {
	v.Helper()
	text, err := os.ReadFile(filepath.Join(v.dir, path))
	v.check(err)
	return string(text)
}

// run runs the program to its end, which is to be exit status 0, and returns what it
// printed.
func (v volumes) run(program string, args ...string) string {
	v.Helper()
	cmd := exec.CommandContext(v.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"="+program, "SERVER_DATA_DIR="+v.dir+"/data",
		"SERVER_STATE_DIR="+v.dir+"/state", "CLIENT_SERVER_IDENTITY_FILE="+v.dir+"/secrets/client/identity")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		v.Fatalf("%s %q: %v\n%s%s", program, args, err, out, errs.String())
	}
	return string(out)
}

// TestGoesOn: server, clients and driver go on with what an earlier version left: six
// messages that were collected, one of them retired since, and two of a server that was
// killed; the next six follow those, everything is there, and every receipt holds.
func TestGoesOn(t *testing.T) {
	each(t, func(v volumes) {
		before := v.read("data/logs/manifest.jsonl")
		out := v.run("driver", "local", "-dir", v.dir)
		if after := v.read("data/logs/manifest.jsonl"); !strings.HasPrefix(after, before) ||
			strings.Count(before, "\n") != 8 || strings.Count(after, "\n") != 14 {
			v.Errorf("the manifest was\n%sand is\n%s", before, after)
		}
		for _, words := range []string{" 8 new; 12 receipts verified; checkpoint of 14 lines verified; ",
			"| This is after-the-last-run.txt.\n", "| This is before-the-kill.txt.\n", "server_message13.txt\n"} {
			if !strings.Contains(out, words) {
				v.Errorf("the driver does not say %q:\n%s", words, out)
			}
		}
		if collected := v.read("received/manifest.jsonl"); collected != v.read("data/logs/manifest.jsonl") {
			v.Errorf("the collector has\n%s", collected)
		}
		if out := v.run("server", "verify"); !strings.Contains(out, "1 retired") {
			v.Errorf("the server says: %s", out)
		}
	})
}

// TestOldReceipts: receipts of before are good without the server.
func TestOldReceipts(t *testing.T) {
	each(t, func(v volumes) {
		receipts, err := filepath.Glob(filepath.Join(v.dir, "outbox/sent/*/*"+receipt.FileSuffix))
		v.check(err)
		if len(receipts) != 6 {
			v.Fatalf("%d receipts", len(receipts))
		}
		for _, proof := range receipts {
			v.run("client", "verify", proof, strings.TrimSuffix(proof, receipt.FileSuffix))
		}
	})
}

// TestRepeats: a token of before is good, and a message of before has its number,
// whether its log file was retired or not; the next message has the next number.
func TestRepeats(t *testing.T) {
	each(t, func(v volumes) {
		c := v.serve()
		for line := range strings.Lines(v.read("data/logs/manifest.jsonl")) {
			entry, err := logfile.ParseLine([]byte(strings.TrimSpace(line)))
			v.check(err)
			if entry.Cipher != message.None {
				continue // the demonstration's: their bytes would have to be enciphered again
			}
			d, err := c.Deliver(v.Context(), text(entry.ID, entry.Name, "This is "+entry.Name+".\n"))
			v.check(err)
			if d.Entry != entry {
				v.Errorf("message %d is another now: %+v", entry.Seq, d.Entry)
			}
		}
		d, err := c.Deliver(v.Context(), text(message.NewID(), "next.txt", "next\n"))
		v.check(err)
		if d.Entry.Seq != 8 {
			v.Errorf("the next message has number %d", d.Entry.Seq)
		}
	})
}

// serve runs a server on the volumes, and returns a sender of before.
func (v volumes) serve() *courier.Courier {
	v.Helper()
	var cfg daemon.Config
	_, err := settings.Load("SERVER_TEST_DEFAULTS", &cfg)
	v.check(err)
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.DataDir, cfg.StateDir = filepath.Join(v.dir, "data"), filepath.Join(v.dir, "state")
	tok, err := token.Parse(strings.TrimSpace(v.read("secrets/client/token")))
	v.check(err)
	pins, err := identity.ParsePins(strings.TrimSpace(v.read("secrets/client/identity")))
	v.check(err)
	c := courier.New(courier.Config{Servers: dial.One(daemontest.Run(v, cfg).String(), pins.ClientTLS()), Token: tok,
		Pins: pins, Timeout: patience, Log: zerolog.Nop()})
	v.Cleanup(func() { _ = c.Close() })
	return c
}

func text(id message.ID, name, content string) courier.Message {
	return courier.Message{ID: id, Name: name, Cipher: message.None, Size: uint64(len(content)),
		SHA256: sha256.Sum256([]byte(content)),
		Open:   func() (io.ReadSeekCloser, error) { return courier.Unclosed(strings.NewReader(content)), nil }}
}
