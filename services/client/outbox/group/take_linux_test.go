package group

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"sealpost/services/client/outbox/box"
)

// A claim is one rename, also where the system has none that replaces nothing, as
// over NFS: of a link and a removal two clients could each have done the first.
func TestTakeIsOneRename(t *testing.T) {
	b := newBox(t)
	g, err := New(b, nothing)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	if err := os.WriteFile(filepath.Join(b.Root.Path(), "name"), nil, box.FileMode); err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := onlyPlainRenames(); err != nil {
			taken <- err
			return
		}
		taken <- g.Take("name", 0)
	}()
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

// onlyPlainRenames has the calling thread's kernel know no flags of renameat2(2),
// and fail every link.
func onlyPlainRenames() error {
	const call, flags, answer = 0, 16 + 4*8, unix.SECCOMP_RET_ERRNO // offsets in struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: call},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 4, K: unix.SYS_LINKAT},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 4, K: unix.SYS_RENAMEAT2},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 2, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: answer | uint32(unix.EINVAL)},
		{Code: unix.BPF_RET | unix.BPF_K, K: answer | uint32(unix.EIO)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}
