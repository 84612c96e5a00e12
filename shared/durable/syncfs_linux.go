package durable

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Descriptor is an open file.
type Descriptor interface{ Fd() uintptr }

// SyncFS flushes the whole file system of an open file, and returns the errors of
// write-back there since it was opened or flushed last.
func SyncFS(f Descriptor) error {
	return os.NewSyscallError("syncfs", again(func() error { return unix.Syncfs(int(f.Fd())) }))
}

// Written waits for what is on its way to the disk from f, and returns the error
// of any write-back since f was opened.
func Written(f Descriptor) error {
	return os.NewSyscallError("sync_file_range", again(func() error {
		return unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
	}))
}

// again repeats a system call that a signal interrupts.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// CanSyncFS reports whether SyncFS in the directory at path does what durability
// needs: it waits for data, names and the device, and returns their errors. Others
// are not trusted with it: overlayfs and FUSE pass it on or do not, as they like.
func CanSyncFS(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && trusted(st)
}

// CanSyncFS is [CanSyncFS] for an open directory.
func (d *Dir) CanSyncFS() bool {
	var st unix.Statfs_t
	return d.control(func(fd int) error { return unix.Fstatfs(fd, &st) }) == nil && trusted(st)
}

func trusted(st unix.Statfs_t) bool {
	switch uint32(st.Type) { // signed where it has 32 bits, and the numbers need all of them
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}

// DirtyBytes is how much the whole machine has written and not flushed, from
// proc(5), /proc/meminfo: more than lies on one file system, never less.
func DirtyBytes() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Dirty:"); ok {
			var kib uint64
			_, err := fmt.Sscanf(rest, "%d kB", &kib)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo: no line for Dirty")
}
