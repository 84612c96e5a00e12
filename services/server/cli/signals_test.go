package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sealpost/shared/signals/signalstest"
)

// A hang-up has the files looked at; SIGTERM drains.
func TestHangup(t *testing.T) {
	cmd := signalstest.Self(t, "server", nil, "SERVER_LISTEN=127.0.0.1:0", "SERVER_ADMIN_LISTEN=127.0.0.1:0",
		"SERVER_DATA_DIR="+t.TempDir(), "SERVER_STATE_DIR="+t.TempDir())
	status, log := signalstest.Run(t, cmd,
		signalstest.Step{Says: "server started", Signal: syscall.SIGHUP},
		signalstest.Step{Says: "SIGHUP: looking", Signal: syscall.SIGHUP},
		signalstest.Step{Says: "SIGHUP: looking", Signal: syscall.SIGTERM})
	if status != exitOK || !strings.Contains(log, "server stopped") {
		t.Errorf("status %d:\n%s", status, log)
	}
}

// A pipe that nobody reads fails as a full disk does, and says so.
func TestNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := signalstest.Self(t, "server", []string{"identity"}, "SERVER_STATE_DIR="+filepath.Join(t.TempDir(), "state"))
	cmd.Stdout = w
	status, log := signalstest.Run(t, cmd)
	if status != exitFailed || !strings.Contains(log, "could not be printed: write /dev/stdout: broken pipe") {
		t.Errorf("status %d:\n%s", status, log)
	}
}
