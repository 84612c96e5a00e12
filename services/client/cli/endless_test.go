package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sealpost/shared/signals/signalstest"
)

// endless is how long a program that would never end may take to end. It is no
// measure of anything: only a failing test ever waits so long.
const endless = time.Minute

// status starts cmd, calls begun, and waits for its end.
func status(t *testing.T, cmd *exec.Cmd, begun func()) (int, string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(endless, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	begun()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), said.String()
}

// A pipe that stays open and says nothing keeps no client from ending at the
// first SIGTERM, wherever it is read.
func TestPipeThatSaysNothing(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		env  []string
	}{
		"a receipt":         {args: []string{"verify", pipe, "endless_test.go"}},
		"a message":         {args: []string{pipe}},
		"a message of 2012": {args: []string{pipe, "password"}, env: []string{"CLIENT_WIRE=2012"}},
		"one of several":    {args: []string{"-files", pipe}},
		"the identity's file": {args: []string{"endless_test.go"},
			env: []string{"CLIENT_SERVER_IDENTITY=", "CLIENT_SERVER_IDENTITY_FILE=" + pipe}},
		"verify's identity": {args: []string{"verify", "endless_test.go", "endless_test.go"},
			env: []string{"CLIENT_SERVER_IDENTITY=", "CLIENT_SERVER_IDENTITY_FILE=" + pipe}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := signalstest.Self(t, "client", c.args, append(nobody(t), c.env...)...)
			var held *os.File
			got, said := status(t, cmd, func() {
				var err error
				if held, err = os.OpenFile(pipe, os.O_WRONLY, 0); err != nil { // once the client has opened it
					t.Error(err)
				}
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
			})
			_ = held.Close()
			if got != 1 {
				t.Errorf("status %d\n%s", got, said)
			}
		})
	}
}

// A device without an end in the place of a small file is read no further than
// that may be long.
func TestDeviceWithoutAnEnd(t *testing.T) {
	cmd := signalstest.Self(t, "client", []string{"endless_test.go"},
		append(nobody(t), "CLIENT_SERVER_CA_FILE=/dev/zero")...)
	if got, said := status(t, cmd, func() {}); got != 2 {
		t.Errorf("status %d\n%s", got, said)
	}
}
