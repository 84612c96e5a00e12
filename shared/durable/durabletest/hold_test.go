package durabletest

import (
	"os/exec"
	"syscall"
	"testing"
)

func TestHold(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := Hold(cmd.Process); err != nil {
			t.Fatal(err)
		}
		if states, err := threads(cmd.Process.Pid); err != nil || states != "T" {
			t.Errorf("it is not held: %s, %v", states, err)
		}
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := Hold(cmd.Process); err != nil {
		t.Errorf("killed: %v", err)
	}
	_ = cmd.Wait() // it was killed
	if err := Hold(cmd.Process); err != nil {
		t.Errorf("gone: %v", err)
	}
}
