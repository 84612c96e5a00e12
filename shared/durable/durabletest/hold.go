package durabletest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Hold stops a process as the power cut of its machine does, before its disk is cut: when
// it returns no thread of it comes back from the kernel, while calls that are under way go
// on there. Without that a flush that is under way as an ext4 is shut down may be reported
// as done, and is not: what the process says then no machine without power says. It goes on
// with SIGCONT. One that has ended is held.
func Hold(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return err
	}
	for {
		states, err := threads(p.Pid)
		// Once one has stopped the kernel has told all others.
		if err != nil || bytes.ContainsAny(states, "TZX") || len(states) == 0 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// threads returns the states of a process's threads: see proc_pid_stat(5).
func threads(pid int) (states []byte, err error) {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return nil, err
		}
		// The command before it may have any bytes in it.
		if at := bytes.LastIndexByte(text, ')'); at >= 0 && len(text) > at+2 {
			states = append(states, text[at+2])
		}
	}
	return states, nil
}
