package watch

import "golang.org/x/sys/unix"

// told says that this system tells of new names.
const told = true

// tellsAll reports whether a directory lies on a file system all of whose changes
// are made by this kernel, which tells of them. Others may be changed behind its
// back: by other machines, or by a program that serves the file system.
func tellsAll(path string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return false
	}
	switch int64(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}
