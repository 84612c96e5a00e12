package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Size returns the size of a regular file, and whether it is there.
func Size(path string) (int64, bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case !info.Mode().IsRegular():
		return -1, true, nil
	}
	return info.Size(), true, nil
}

// Free is what whoever asks may still take of a file system, and how much it has in
// all. Many file systems set no number of inodes: Inodes is NoLimit then, AllInodes 0.
type Free struct {
	Bytes, AllBytes   uint64
	Inodes, AllInodes uint64
}

// NoLimit is more than there ever are.
const NoLimit = math.MaxUint64

// FreeOf asks the file system of dir.
func FreeOf(dir string) (Free, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Free{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	size := uint64(st.Bsize)
	free := Free{Bytes: st.Bavail * size, AllBytes: st.Blocks * size, Inodes: st.Ffree, AllInodes: st.Files}
	if st.Files == 0 {
		free.Inodes = NoLimit
	}
	return free, nil
}

// FreeBytes returns how many bytes whoever asks may still write below dir.
func FreeBytes(dir string) (uint64, error) {
	free, err := FreeOf(dir)
	return free.Bytes, err
}

// CorruptError means that the logbook's own files contradict each other in a
// way that no crash can cause. Nothing is changed; an operator must look.
type CorruptError struct {
	File   string
	Reason string
	Remedy string // what can be done about this one, where that is known
}

func (e *CorruptError) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Reason) }

// Fix returns what can be done about it, or "".
func (e *CorruptError) Fix() string { return e.Remedy }

// Corrupt returns a *CorruptError about a file.
func Corrupt(file, reason string) error { return &CorruptError{File: file, Reason: reason} }
