package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/nettest"
	"sealpost/shared/signals/signalstest"
)

// following is a driver process that follows, and tells of itself.
type following struct {
	t     *testing.T
	admin string
}

// startFollowing starts one with these settings besides; the end of the test ends it.
func startFollowing(t *testing.T, ftp string, settings ...string) *following {
	t.Helper()
	env(t)
	cmd := signalstest.Self(t, "driver", []string{"-follow"}, append(settings,
		"DRIVER_FTP_ADDR="+ftp, "DRIVER_FTP_TLS=off", "DRIVER_FTP_USER="+drivertest.User,
		"DRIVER_FTP_PASSWORD="+drivertest.Password, "DRIVER_POLL=100ms", "DRIVER_ADMIN_LISTEN=127.0.0.1:0")...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &following{t: t}
	lines := bufio.NewScanner(log)
	for f.admin == "" && lines.Scan() {
		var said struct{ Message, Listen string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Message == "admin endpoint started" {
			f.admin = said.Listen
		}
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, log)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		_ = cmd.Wait()
	})
	if f.admin == "" {
		t.Fatal("it does not say where it is asked")
	}
	return f
}

// tells waits until all texts are on a path, each from the start of a line.
func (f *following) tells(path string, texts ...string) {
	f.t.Helper()
	text := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		response, err := http.Get("http://" + f.admin + path)
		if err != nil {
			f.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			f.t.Fatal(err)
		}
		text = "\n" + string(body)
		missing := 0
		for _, want := range texts {
			if !strings.Contains(text, "\n"+want) {
				missing++
			}
		}
		if missing == 0 {
			return
		}
	}
	f.t.Fatalf("%s does not say %q:\n%s", path, texts, text)
}

func (f *following) metrics(texts ...string) {
	f.t.Helper()
	for i := range texts {
		texts[i] = "sealpost_collector_" + texts[i] + "\n"
	}
	f.tells("/metrics", texts...)
}

// healthcheck is the command's status, and what it says.
func (f *following) healthcheck() (status int, out, errs string) {
	f.t.Helper()
	f.t.Setenv("DRIVER_ADMIN_LISTEN", f.admin)
	return start("healthcheck")
}

func TestHealthcheckOfNobody(t *testing.T) {
	env(t)
	if status, _, errs := start("healthcheck"); status != 2 || !strings.Contains(errs, "DRIVER_ADMIN_LISTEN: ") {
		t.Errorf("without an address: %d, %s", status, errs)
	}
	t.Setenv("DRIVER_ADMIN_LISTEN", "127.0.0.1:1")
	if status, _, errs := start("healthcheck", "now"); status != 2 {
		t.Errorf("with an argument: %d, %s", status, errs)
	}
	status, out, errs := start("healthcheck")
	if status != 1 || out != "" || !strings.HasPrefix(errs, "driver: not ready: ") ||
		!strings.Contains(errs, "\ndriver: hint: is the driver running, with -follow") {
		t.Errorf("%d, %q, %s", status, out, errs)
	}
}

// An address that cannot be had is a setting that is wrong.
func TestAdminAddressIsTaken(t *testing.T) {
	taken := nettest.Listen(t)
	defer taken.Close()
	env(t, "FTP_ADDR", taken.Addr().String(), "FTP_USER", "u", "FTP_PASSWORD", "p", "FTP_TLS", "off",
		"OUTPUT_DIR", t.TempDir(), "ADMIN_LISTEN", taken.Addr().String(), "MESSAGES_DIR", t.TempDir())
	if status, _, errs := start("-follow"); status != 2 || !strings.Contains(errs, "must be an address to listen on") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// Before the first pass has ended, as of a server that never says a word, all metrics
// are there and the driver is not ready.
func TestTellsFromTheStart(t *testing.T) {
	silent := nettest.Listen(t)
	defer silent.Close()
	f := startFollowing(t, silent.Addr().String(), "DRIVER_OUTPUT_DIR="+t.TempDir())
	f.tells("/healthz", "ok\n")
	f.tells("/readyz", "nothing was collected yet: the first pass has not ended\n")
	f.metrics("owed_messages 0", "collected_total 0", "handed_on_total 0", "behind_messages 0",
		"last_success_timestamp_seconds 0")
	f.tells("/metrics", "sealpost_build_info{")
	want := "driver: not ready: nothing was collected yet: the first pass has not ended\n"
	if status, _, errs := f.healthcheck(); status != 1 || errs != want {
		t.Errorf("%d, %q", status, errs)
	}
}

// What is signed and not handed on yet is behind, also where it was collected.
func TestTellsHowFarBehind(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	v.Add("b.txt", []byte("two"))
	v.PutCheckpoint(2)
	dir := t.TempDir()
	taken, hook := filepath.Join(dir, "taken"), filepath.Join(dir, "hook")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntest -e '"+taken+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := startFollowing(t, drivertest.Serve(t, v.Dir, nil), "DRIVER_OUTPUT_DIR="+filepath.Join(dir, "out"),
		"DRIVER_ON_FILE="+hook, "DRIVER_SERVER_IDENTITY="+v.Pins().String())
	f.metrics("collected_total 2", "behind_messages 2", "handed_on_total 0", "owed_messages 0")
	if err := os.WriteFile(taken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.metrics("collected_total 2", "behind_messages 0", "handed_on_total 2", "owed_messages 0")
	f.tells("/readyz", "ready\n")
}

// A file that is missing makes the driver not ready, with what can be done, until it
// comes; it is owed, and holds nothing up.
func TestTellsWhatIsOwed(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	gone := v.Add("b.txt", []byte("two"))
	v.Add("c.txt", []byte("three"))
	text := v.Read(gone.File)
	v.Remove(gone.File)
	f := startFollowing(t, drivertest.Serve(t, v.Dir, nil), "DRIVER_OUTPUT_DIR="+t.TempDir())
	f.metrics("collected_total 2", "owed_messages 1", "behind_messages 0", "last_success_timestamp_seconds 0")
	f.tells("/readyz", "message 1: "+gone.File+": missing on the server\nhint: ")
	status, out, errs := f.healthcheck()
	if status != 1 || out != "" || !strings.Contains(errs, "\ndriver: hint: each run tries them again; ") {
		t.Errorf("%d, %q, %s", status, out, errs)
	}
	v.Write(gone.File, text)
	f.metrics("collected_total 3", "owed_messages 0", "behind_messages 0")
	f.tells("/readyz", "ready\n")
	f.tells("/metrics", "sealpost_collector_last_success_timestamp_seconds 1.")
	if status, out, errs := f.healthcheck(); status != 0 || out != "ready\n" || errs != "" {
		t.Errorf("%d, %q, %s", status, out, errs)
	}
}
