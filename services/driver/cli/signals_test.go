package cli_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sealpost/services/driver/cli"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/nettest"
	"sealpost/shared/signals"
	"sealpost/shared/signals/signalstest"
	"sealpost/shared/voice"
)

// TestMain makes the test binary a driver when it is called so.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"driver": func() {
		std := voice.Standard()
		os.Exit(cli.Main(signals.Context(context.Background()), os.Args[1:], std))
	}})
}

// A hang-up ends nothing and is logged; SIGTERM ends the run early. The FTP
// server never says a word.
func TestHangup(t *testing.T) {
	env(t)
	cmd := signalstest.Self(t, "driver", nil, "DRIVER_FTP_ADDR="+nettest.Listen(t).Addr().String(),
		"DRIVER_FTP_TLS=off",
		"DRIVER_FTP_USER=u", "DRIVER_FTP_PASSWORD=p", "DRIVER_OUTPUT_DIR="+t.TempDir())
	status, log := signalstest.Run(t, cmd,
		signalstest.Step{Says: `"settings"`, Signal: syscall.SIGHUP},
		signalstest.Step{Says: "SIGHUP ignored", Signal: syscall.SIGTERM})
	if status != 1 || !strings.Contains(log, `"finished"`) {
		t.Errorf("status %d:\n%s", status, log)
	}
}

// TestTermWhileHandingOn: the hook under way may end, which counts, and no other
// begins. The hook itself sends the signal, and ends once the driver has seen it.
func TestTermWhileHandingOn(t *testing.T) {
	env(t)
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	v.Add("b.txt", []byte("two"))
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	script := filepath.Join(dir, "hook")
	text := "#!/bin/sh\nkill $PPID\nuntil grep -q 'has 5s to be taken' '" + log.Name() + "'; do sleep 0.02; done\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := signalstest.Self(t, "driver", nil, "DRIVER_FTP_ADDR="+drivertest.Serve(t, v.Dir, nil), "DRIVER_FTP_TLS=off",
		"DRIVER_FTP_USER="+drivertest.User, "DRIVER_FTP_PASSWORD="+drivertest.Password,
		"DRIVER_OUTPUT_DIR="+filepath.Join(dir, "out"), "DRIVER_ON_FILE="+script)
	cmd.Stderr = log
	var failed *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &failed) || failed.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	said, err := os.ReadFile(log.Name())
	handed, readErr := os.ReadFile(filepath.Join(dir, "out", "handed"))
	if err := errors.Join(err, readErr); err != nil || string(handed) != "1\n" ||
		!strings.Contains(string(said), "driver: interrupted before message 1 was handed on: ") {
		t.Errorf("%v, position %q:\n%s", err, handed, said)
	}
}

// SIGTERM ends a driver that follows in order, with its summary.
func TestFollowEndsInOrder(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("text"))
	env(t)
	cmd := signalstest.Self(t, "driver", []string{"-json", "-follow"}, "DRIVER_FTP_ADDR="+drivertest.Serve(t, v.Dir, nil),
		"DRIVER_FTP_TLS=off", "DRIVER_FTP_USER="+drivertest.User, "DRIVER_FTP_PASSWORD="+drivertest.Password,
		"DRIVER_OUTPUT_DIR="+t.TempDir(), "DRIVER_POLL=100ms")
	var out strings.Builder
	cmd.Stdout = &out
	status, log := signalstest.Run(t, cmd, signalstest.Step{Says: `"up to date"`, Signal: syscall.SIGTERM})
	lines := strings.Split(out.String(), "\n")
	if status != 0 || len(lines) != 3 || !strings.HasPrefix(lines[1], `{"summary":{"files":1,`) {
		t.Errorf("status %d, %q:\n%s", status, out.String(), log)
	}
}

// What an outbox promises has an end, and following has none.
func TestFollowWithAnOutbox(t *testing.T) {
	v := drivertest.NewVolume(t)
	env(t, "FTP_ADDR", "localhost", "FTP_USER", "u", "FTP_PASSWORD", "p", "OUTBOX", t.TempDir(),
		"SERVER_IDENTITY", v.Pins().String())
	if status, _, errs := start("-follow"); status != 2 || !strings.Contains(errs, "does not go with -follow") {
		t.Errorf("status %d: %s", status, errs)
	}
}
