package durabletest

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
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
		if err != nil || strings.ContainsAny(states, "TZX") || states == "" {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// threads returns a letter for the state of each thread of a process: see proc_pid_stat(5).
// There are none where it is gone.
func threads(pid int) (states string, err error) {
	all, err := procfs.AllThreads(pid)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, one := range all {
		stat, err := one.Stat()
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return "", err
		}
		states += stat.State
	}
	return states, nil
}
