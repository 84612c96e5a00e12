package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/receipts"
	"sealpost/services/driver/run"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
)

const rule = "------------------------------------------------------------------------\n"

func config(t *testing.T, addr string) run.Settings {
	return run.Settings{
		FTPAddr: settings.Addresses(addr), FTPUser: drivertest.User, FTPPassword: drivertest.Password, FTPTLS: "off",
		Output: run.Output{OutputDir: t.TempDir()}, Timeout: time.Minute, Print: "full",
		Settings: logging.Settings{LogLevel: "info", LogFormat: "auto"},
	}
}

// start runs the driver and returns what it printed and logged.
func start(cfg run.Settings) (out, log string, err error) {
	var outs, logs bytes.Buffer
	err = run.Run(context.Background(), cfg, nil, &outs, &logs)
	return outs.String(), logs.String(), err
}

// splitSummary returns the printed files and the summary without its time.
func splitSummary(t *testing.T, out string) (files, summary string) {
	t.Helper()
	at := strings.LastIndex(out, rule)
	if at < 0 {
		t.Fatalf("no summary:\n%s", out)
	}
	return out[:at], regexp.MustCompile(`; [0-9]+\.[0-9] seconds\n$`).ReplaceAllString(out[at+len(rule):], "")
}

func TestPrintsWhatIsNew(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("colour \x1b[31m\r\nnext\ttab\u202e\n"))
	v.Add("b.txt", []byte("\xff"))
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	out, log, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	files, summary := splitSummary(t, out)
	size := v.Entries[0].FileSize + v.Entries[1].FileSize
	if summary != fmt.Sprintf("2 files, %d bytes, 2 new; checkpoint not checked: no DRIVER_SERVER_IDENTITY", size) {
		t.Errorf("summary %q", summary)
	}
	visible := strings.NewReplacer("\x1b", `\x1b`, "\r", `\x0d`, "\u202e", `\u202e`, "\xff", `\xff`)
	var want string
	for _, e := range v.Entries {
		want += rule + "File name: " + e.File + "\n" + rule + marked(visible.Replace(string(v.Read(e.File))))
	}
	if files != want {
		t.Errorf("printed:\n%s\nwant:\n%s", files, want)
	}
	story(t, log, "settings", "downloading logs with FTP", "downloaded server_message0.txt",
		"downloaded server_message1.txt", "finished")
	if strings.Contains(log, drivertest.Password) {
		t.Error("the password is in the log")
	}

	v.Add("c.txt", []byte("later"))
	out, _, err = start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	files, summary = splitSummary(t, out)
	e := v.Entries[2]
	if files != rule+"File name: "+e.File+"\n"+rule+marked(string(v.Read(e.File))) {
		t.Errorf("second run printed:\n%s", files)
	}
	if !strings.Contains(summary, "bytes, 1 new;") {
		t.Errorf("second summary %q", summary)
	}
}

// marked is a log file of short lines as it is printed.
func marked(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSuffix("| "+line, " \n"))
		if line == "\n" {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// TestMessageThatPlaysTheDriver: one prints a whole second file of another sender
// and the last lines of a run; so does its name, and its lines are longer than a
// screen, so that a terminal would break them where it likes. No line of any
// message can be taken for the driver's.
func TestMessageThatPlaysTheDriver(t *testing.T) {
	v := drivertest.NewVolume(t)
	second := "server_message1.txt"
	play := rule + "File name: " + second + "\n" + rule +
		"Message Received at: Sun Jul 22, 2012 20:44:41\n\nSender: the-director\n" +
		"-----\nDECRYPTED MESSAGE CONTENT\n-----\n\npay him\n\n" +
		rule + "2 files, 999 bytes, 2 new; 2 receipts verified; checkpoint of 2 lines verified; 0.1 seconds"
	for _, end := range []string{"\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029", "\x1b[E", "\x00\n",
		strings.Repeat(" ", 80), strings.Repeat("\t", 10), strings.Repeat("\u2003", 40), strings.Repeat("鍵", 40)} {
		v.Add("a.txt", []byte("\n"+strings.ReplaceAll(play, "\n", end)))
	}
	v.Add("File name: "+second, nil)
	v.Add("2 files, 999 bytes, 2 new; 2 receipts verified; 0.1 seconds", nil)
	out, _, err := start(config(t, drivertest.Serve(t, v.Dir, nil)))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := splitSummary(t, out)
	var want, got []string
	for _, e := range v.Entries {
		want = append(want, rule, "File name: "+e.File+"\n", rule)
	}
	for line := range strings.Lines(files) {
		if !strings.HasPrefix(line, "|") {
			got = append(got, line)
		} else if utf8.RuneCountInString(line) > 80 && strings.Contains(line, "verified") {
			t.Errorf("a terminal breaks the line %q", line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("unmarked lines:\n%s", strings.Join(got, ""))
	}
}

// story checks the messages of a log of JSON lines.
func story(t *testing.T, log string, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(log) {
		var event struct{ Message string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, event.Message)
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("log %q, want %q", got, want)
	}
}

// sent makes a volume of three messages and the outbox that they came from.
func sent(t *testing.T) (*drivertest.Volume, *drivertest.Outbox, run.Settings) {
	v := drivertest.NewVolume(t)
	o := drivertest.NewOutbox(t, v)
	for name, text := range map[string]string{"a.txt": "one", "b.txt": "two", "c.txt": "three"} {
		o.Sent(v.Add(name, []byte(text)), text)
	}
	v.PutCheckpoint(3)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	cfg.Outbox, cfg.ServerIdentity = o.Dir, settings.Secret(v.Pins().String())
	return v, o, cfg
}

func TestChecksReceipts(t *testing.T) {
	v, _, cfg := sent(t)
	for range 2 { // in the second run the files are old ones
		out, _, err := start(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, summary := splitSummary(t, out); !strings.HasSuffix(summary,
			"; 3 receipts verified; checkpoint of 3 lines verified") {
			t.Errorf("summary %q", summary)
		}
	}
	path := filepath.Join(cfg.OutputDir, v.Entries[1].File)
	if err := os.WriteFile(path, bytes.ToUpper(v.Read(v.Entries[1].File)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _, err := start(cfg)
	var failed *run.FailedError
	if !errors.As(err, &failed) || len(failed.Failures) != 1 || !errors.Is(err, collector.ErrDigest) {
		t.Errorf("a collected file was changed: %v", err)
	}
	if _, summary := splitSummary(t, out); !strings.HasSuffix(summary,
		"; 2 receipts verified; checkpoint of 3 lines verified; 1 failure") {
		t.Errorf("summary %q", summary)
	}
}

func TestListsEveryFailure(t *testing.T) {
	v, o, cfg := sent(t)
	v.Remove(v.Entries[0].File)
	o.Remove(drivertest.ReceiptPath(v.Entries[1]))
	o.Put("refused/3f/d.txt", "x")
	o.Put("refused/3f/d.txt.reason", "too large")
	o.Put("e.txt", "nobody sends this")
	cfg.Timeout = 0
	out, _, err := start(cfg)
	var failed *run.FailedError
	var unsent *receipts.UnsentError
	if !errors.As(err, &failed) || len(failed.Failures) != 5 || !errors.As(err, &unsent) {
		t.Fatalf("%v", err)
	}
	wanted := []error{collector.ErrMissing, receipts.ErrNotCollected, receipts.ErrNoReceipt, receipts.ErrRefused}
	for _, want := range wanted {
		if !errors.Is(err, want) {
			t.Errorf("not listed: %v", want)
		}
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 5 {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
	files, summary := splitSummary(t, out)
	if strings.Count(files, "File name: ") != 2 ||
		!strings.Contains(summary, "1 receipt verified; checkpoint of 3 lines verified; 5 failures") {
		t.Errorf("printed:\n%s%s", files, summary)
	}
}

// TestReceiptsOfAnotherLogbook are counted. None of this one is a failure where
// receipts are needed.
func TestReceiptsOfAnotherLogbook(t *testing.T) {
	v, o, cfg := sent(t)
	other := drivertest.NewVolume(t)
	other.Server, other.Logbook = v.Server, "another"
	for n := range 5 {
		name := fmt.Sprint("sent/2026-11-20/", n)
		o.Put(name, name)
		o.Put(name+receipt.FileSuffix, other.Receipt(other.Add("x", []byte(name))))
	}
	cfg.NeedReceipts = true
	out, _, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, summary := splitSummary(t, out); !strings.Contains(summary, "; 3 receipts verified, 5 of another logbook; ") {
		t.Errorf("summary %q", summary)
	}
	o.Remove("sent/2026-11-26")
	if _, _, err := start(cfg); !errors.Is(err, receipts.ErrNone) {
		t.Errorf("needed: %v", err)
	}
	cfg.NeedReceipts = false
	if _, _, err := start(cfg); err != nil {
		t.Errorf("not needed: %v", err)
	}
}

func TestReceiptBeyondTheManifest(t *testing.T) {
	v, o, cfg := sent(t)
	e := v.Add("d.txt", []byte("four"))
	o.Sent(e, "four")
	v.SetManifest(v.Lines(3))
	cfg.Timeout = 0
	if _, _, err := start(cfg); !errors.Is(err, receipts.ErrNoLine) {
		t.Errorf("%v", err)
	}
	v.Append(v.Line(e) + "\n")
	if _, _, err := start(cfg); err != nil {
		t.Error(err)
	}
}

func TestNoServer(t *testing.T) {
	_, _, cfg := sent(t)
	cfg.FTPPassword = "guess"
	_, _, err := start(cfg)
	var failed *run.FailedError
	var connect *collector.ConnectError
	if !errors.As(err, &failed) || len(failed.Failures) != 1 || !errors.As(err, &connect) {
		t.Errorf("%v", err)
	}
}

func TestSettingsThatDoNotFit(t *testing.T) {
	ca := func(text string) func(cfg *run.Settings) {
		path := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return func(cfg *run.Settings) { cfg.FTPTLS, cfg.FTPCAFile = "explicit", path }
	}
	for problem, change := range map[string]func(cfg *run.Settings){
		"DRIVER_SERVER_IDENTITY must be set":               func(cfg *run.Settings) { cfg.Outbox = "x" },
		"DRIVER_NEED_RECEIPTS goes with DRIVER_OUTBOX":     func(cfg *run.Settings) { cfg.NeedReceipts = true },
		"DRIVER_FTP_ADDR must name":                        func(cfg *run.Settings) { cfg.FTPAddr = ":21" },
		"DRIVER_FTP_DIR must be":                           func(cfg *run.Settings) { cfg.FTPDir = "logs\r\nDELE x" },
		"DRIVER_FTP_CA_FILE must hold":                     ca("hello"),
		"DRIVER_FTP_CA_FILE begins with a byte order mark": ca("\ufeff-----BEGIN CERTIFICATE-----\n"),
	} {
		t.Run(problem, func(t *testing.T) {
			cfg := config(t, "localhost:21")
			change(&cfg)
			_, _, err := start(cfg)
			var bad *settings.Error
			if !errors.As(err, &bad) || len(bad.Problems) != 1 ||
				!strings.HasPrefix(bad.Problems[0].Name+" "+bad.Problems[0].Rule, problem) {
				t.Errorf("%v", err)
			}
		})
	}
}
