package durabletest

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Trace runs a command to its end under ptrace(2) and returns what it did below
// root: the operations that its kernel made, in their order, and not those that
// some code says it makes. Operations that failed are left out. The command's
// exit status is the caller's to look at, in state.
//
// Not seen: writes through a memory map. It needs leave to trace a child, which
// some containers do not give; then the test is skipped, and in CI it fails.
func Trace(t testing.TB, cmd *exec.Cmd, root string) (ops []Op, state syscall.WaitStatus) {
	t.Helper()
	rec := &recorder{root: root}
	state = traceCalls(t, cmd, rec.enter)
	return rec.ops, state
}

// observer is told of each system call when it begins, and returns what is to be
// told of its result when it ends; nil: nothing.
type observer func(tid int, nr uint64, args [6]uint64) (end func(result int64))

// traceCalls runs a command to its end and shows all its system calls to see.
func traceCalls(t testing.TB, cmd *exec.Cmd, see observer) syscall.WaitStatus {
	t.Helper()
	runtime.LockOSThread() // the thread that starts a child is the one that traces it
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = cmp.Or(cmd.SysProcAttr, &syscall.SysProcAttr{})
	cmd.SysProcAttr.Ptrace = true
	err := cmd.Start()
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") == "" {
		t.Skip("no leave to trace a child")
	}
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{pid: cmd.Process.Pid, see: see, ends: make(map[int]func(int64)), known: make(map[int]bool)}
	state, err := tr.run()
	if err != nil {
		_ = cmd.Process.Kill()
		t.Fatal(err)
	}
	_ = cmd.Wait() // the tracer has waited already; this ends the copying of its output
	return state
}

type tracer struct {
	pid   int
	see   observer
	ends  map[int]func(result int64) // of the calls under way, by thread
	known map[int]bool               // threads that have been seen
}

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// ofThisThread keeps wait4 from the children that other tests wait for.
const ofThisThread = unix.WALL | unix.WNOTHREAD

func (tr *tracer) run() (status syscall.WaitStatus, err error) {
	if _, err = syscall.Wait4(tr.pid, &status, ofThisThread, nil); err != nil {
		return status, os.NewSyscallError("wait4", err)
	}
	tr.known[tr.pid] = true
	if err = syscall.PtraceSetOptions(tr.pid, traceOptions); err != nil {
		return status, os.NewSyscallError("ptrace", err)
	}
	tid, deliver := tr.pid, 0
	for {
		if err := syscall.PtraceSyscall(tid, deliver); err != nil && !errors.Is(err, unix.ESRCH) {
			return status, os.NewSyscallError("ptrace", err)
		}
		if tid, err = tr.next(&status); err != nil || tid == tr.pid && !status.Stopped() {
			return status, err
		}
		deliver = tr.stopped(tid, status)
	}
}

// next waits until a thread stops, or the process has ended.
func (tr *tracer) next(status *syscall.WaitStatus) (tid int, err error) {
	for {
		tid, err = syscall.Wait4(-1, status, ofThisThread, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		case status.Stopped() || tid == tr.pid:
			return tid, nil
		}
	}
}

// stopped looks at why a thread stopped and returns the signal that it is to get.
func (tr *tracer) stopped(tid int, status syscall.WaitStatus) (deliver int) {
	first := !tr.known[tid]
	tr.known[tid] = true
	switch sig := status.StopSignal(); {
	case sig == syscall.SIGTRAP|0x80:
		tr.syscall(tid)
		return 0
	case sig == syscall.SIGTRAP, first && sig == syscall.SIGSTOP: // the tracing's own
		return 0
	default:
		return int(sig)
	}
}

// stopInfo is struct ptrace_syscall_info of linux/ptrace.h, Linux 5.3.
type stopInfo struct {
	op      uint8
	_       [3]uint8
	arch    uint32
	ip, sp  uint64
	nr      uint64 // at the exit: the result
	args    [6]uint64
	retData uint64
}

const (
	entering = 1
	leaving  = 2
)

func (tr *tracer) syscall(tid int) {
	var info stopInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return // it was killed meanwhile
	}
	switch info.op {
	case entering:
		tr.ends[tid] = tr.see(tid, info.nr, info.args)
	case leaving:
		if end := tr.ends[tid]; end != nil {
			end(int64(info.nr))
		}
		delete(tr.ends, tid)
	}
}
