package cli_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/signals/signalstest"
)

// nobody returns settings for a server that is not there.
func nobody(t *testing.T) []string {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"CLIENT_SERVER=127.0.0.1:1", "CLIENT_SERVER_IDENTITY=" + id.VerifierKey("sealpost/test"),
		"CLIENT_TOKEN=" + tok.Reveal(), "CLIENT_LOG_LEVEL=debug", "CLIENT_LOG_FORMAT=json",
	}
}

var (
	hangup            = signalstest.Step{Says: `"settings"`, Signal: syscall.SIGHUP}
	hangupWhileTrying = signalstest.Step{Says: "trying again", Signal: syscall.SIGHUP}
)

// A hang-up ends nothing and is logged, neither a client that watches nor one
// that sends one file; SIGTERM ends both.
func TestHangup(t *testing.T) {
	for _, c := range []struct {
		args   []string
		hangup signalstest.Step
		status int
	}{
		{[]string{"-outbox", t.TempDir(), "-watch"}, hangup, 0},
		{[]string{"signals_test.go"}, hangupWhileTrying, 4},
	} {
		cmd := signalstest.Self(t, "client", c.args, nobody(t)...)
		status, log := signalstest.Run(t, cmd, c.hangup, signalstest.Step{Says: "SIGHUP ignored", Signal: syscall.SIGTERM})
		if status != c.status {
			t.Errorf("client %q: status %d\n%s", c.args, status, log)
		}
	}
}

// Started by nohup there is nothing to be told about.
func TestHangupIgnoredBefore(t *testing.T) {
	cmd := signalstest.Self(t, "client", []string{"signals_test.go"}, nobody(t)...)
	nohup := exec.Command("/bin/bash",
		append([]string{"-c", `trap "" HUP; exec -a client "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)...)
	nohup.Env = cmd.Env
	status, log := signalstest.Run(t, nohup, hangup, signalstest.Step{Says: "trying again", Signal: syscall.SIGTERM})
	if status != 4 || strings.Contains(log, "SIGHUP ignored") {
		t.Errorf("status %d\n%s", status, log)
	}
}
