package disk

import (
	"errors"
	"fmt"
	"io/fs"
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

// FreeBytes returns how many bytes whoever asks may still write below dir.
func FreeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Bavail * uint64(st.Bsize), nil
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
