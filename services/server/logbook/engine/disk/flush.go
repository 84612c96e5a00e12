package disk

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Sync flushes one file.
func (v *Volume) Sync(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return f.Sync()
}

// SyncData flushes one file's bytes, and its size if that changed, but not its
// times.
func (v *Volume) SyncData(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", ignoringEINTR(func() error { return unix.Fdatasync(int(f.Fd())) }))
}

// SyncFS flushes the whole file system.
func (v *Volume) SyncFS() error {
	if err := v.Announce(Step{Op: OpSyncFS}); err != nil {
		return err
	}
	return os.NewSyscallError("syncfs", unix.Syncfs(int(v.root.Fd())))
}

// Written waits for what is on its way to the disk from f, and returns the error
// of any write-back since f was opened.
func (v *Volume) Written(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpWritten, Name: name}); err != nil {
		return err
	}
	err := unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
	return os.NewSyscallError("sync_file_range", err)
}

// SyncDir flushes the names in a directory.
func (v *Volume) SyncDir(name string) error {
	if err := v.Announce(Step{Op: OpSyncDir, Name: name}); err != nil {
		return err
	}
	d, err := os.Open(v.Path(name))
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// CanSyncFS reports whether SyncFS does what the logbook needs.
func (v *Volume) CanSyncFS() bool { return v.seams.CanSyncFS(v.dir) }

// canSyncFS reports whether syncfs(2) on dir waits for data, names and the
// device, and returns their errors. Only file systems known to do so count:
// overlayfs and FUSE may pass the call on or not.
func canSyncFS(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch uint32(st.Type) { // signed where it has 32 bits, and the numbers need all of them
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}

// Dirty returns how many bytes the whole machine has written and not flushed:
// at least what it has not flushed of this volume.
func (v *Volume) Dirty() (uint64, error) { return v.seams.Dirty() }

// dirtyBytes reads them from /proc/meminfo, proc(5).
func dirtyBytes() (uint64, error) {
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
