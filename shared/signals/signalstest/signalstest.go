// Package signalstest runs a program as a process of its own and sends it
// signals when its log says something.
package signalstest

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Step is a signal that is sent once a line of the log has a text in it.
type Step struct {
	Says   string
	Signal syscall.Signal
}

// Self returns the command that runs the test binary as the program name, which
// its TestMain (testscript.Main) knows; pairs are added to the environment.
func Self(t *testing.T, name string, args []string, pairs ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Args = append([]string{name}, args...)
	// A race-enabled program else waits a second before it exits.
	cmd.Env = append(os.Environ(), append(pairs, "GORACE=atexit_sleep_ms=0")...)
	return cmd
}

// obeyHangups lets programs that are started from here see hang-ups, also where
// the tests themselves run under nohup: what is ignored goes over to them, a
// handler does not.
var obeyHangups = sync.OnceFunc(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) })

// Run starts cmd, takes the steps in order, and returns its exit status, -1 when
// a signal ended it, and its log. A step that never comes is a failure.
func Run(t *testing.T, cmd *exec.Cmd, steps ...Step) (status int, log string) {
	t.Helper()
	obeyHangups()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if len(steps) == 0 || !strings.Contains(lines.Text(), steps[0].Says) {
			continue
		}
		if err := cmd.Process.Signal(steps[0].Signal); err != nil {
			t.Error(err)
		}
		steps = steps[1:]
	}
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if len(steps) > 0 {
		t.Errorf("%s ended before it said %q:\n%s", cmd.Args[0], steps[0].Says, said.String())
	}
	return cmd.ProcessState.ExitCode(), said.String()
}
