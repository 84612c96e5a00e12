package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Op names a file operation, for fault injection.
type Op string

// The operations that can be made to fail.
const (
	OpCreate  Op = "create"
	OpWrite   Op = "write"
	OpSync    Op = "sync"
	OpRename  Op = "rename"
	OpSyncDir Op = "sync dir"
	OpAppend  Op = "append"
	OpRemove  Op = "remove"
)

const stagedPrefix = "m-"

func noFault(Op, string) error { return nil }

// volume is the one place that touches the file system. Every operation that
// durability rests on goes through it, so that tests can make each one fail.
type volume struct {
	dir   string
	fault func(Op, string) error
}

func (v *volume) staging(name string) string { return filepath.Join(v.dir, "staging", name) }
func (v *volume) logs(name string) string    { return filepath.Join(v.dir, "logs", name) }

// prepare makes the two directories with the modes that their readers need.
func (v *volume) prepare() error {
	for _, d := range []struct {
		path string
		mode fs.FileMode
	}{{v.logs(""), 0o755}, {v.staging(""), 0o700}} {
		if err := os.MkdirAll(d.path, d.mode); err != nil {
			return err
		}
	}
	return v.syncPath(v.dir)
}

// create makes a new file in staging.
func (v *volume) create(name string, mode fs.FileMode) (*os.File, error) {
	if err := v.fault(OpCreate, name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(v.staging(name), os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, err
	}
	// The umask must not take the mode that readers of the volume need.
	if err := f.Chmod(mode); err != nil {
		_ = f.Close()
		v.remove(name)
		return nil, err
	}
	return f, nil
}

func (v *volume) writeAt(f *os.File, p []byte, off int64) (int, error) {
	if err := v.fault(OpWrite, filepath.Base(f.Name())); err != nil {
		return 0, err
	}
	return f.WriteAt(p, off)
}

func (v *volume) sync(f *os.File) error {
	if err := v.fault(OpSync, filepath.Base(f.Name())); err != nil {
		return err
	}
	return f.Sync()
}

// appendSync appends p at off and flushes. On failure the file may hold any
// part of p.
func (v *volume) appendSync(f *os.File, p []byte, off int64) error {
	if err := v.append(f, p, off); err != nil {
		return err
	}
	return v.sync(f)
}

func (v *volume) append(f *os.File, p []byte, off int64) error {
	if err := v.fault(OpAppend, filepath.Base(f.Name())); err != nil {
		return err
	}
	_, err := f.WriteAt(p, off)
	return err
}

// publish gives a staged file its final name. It replaces nothing: a file that
// is there already is fs.ErrExist.
func (v *volume) publish(staged, final string) error {
	if err := v.fault(OpRename, final); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, v.staging(staged), unix.AT_FDCWD, v.logs(final), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return v.publishByLink(staged, final)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: staged, New: final, Err: err}
	}
	return nil
}

// publishByLink does the same where the file system knows no RENAME_NOREPLACE
// (NFS among them).
func (v *volume) publishByLink(staged, final string) error {
	if err := os.Link(v.staging(staged), v.logs(final)); err != nil {
		return err
	}
	return os.Remove(v.staging(staged))
}

func (v *volume) replaceStaging(old, new string) error {
	if err := v.fault(OpRename, new); err != nil {
		return err
	}
	return os.Rename(v.staging(old), v.staging(new))
}

func (v *volume) syncStaging() error { return v.syncPath(v.staging("")) }
func (v *volume) syncLogs() error    { return v.syncPath(v.logs("")) }

func (v *volume) syncPath(dir string) error {
	if err := v.fault(OpSyncDir, filepath.Base(dir)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// remove drops a staged file; what cannot be removed now goes at the next start.
func (v *volume) remove(name string) {
	if v.fault(OpRemove, name) == nil {
		_ = os.Remove(v.staging(name))
	}
}

// removeStaged drops every message that was on its way in when the last server
// ended.
func (v *volume) removeStaged() (int, error) {
	entries, err := os.ReadDir(v.staging(""))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), stagedPrefix) {
			continue
		}
		if err := os.Remove(v.staging(e.Name())); err != nil {
			return n, fmt.Errorf("staging: %w", err)
		}
		n++
	}
	return n, nil
}

// size returns the size of a regular file, and whether it is there.
func size(path string) (int64, bool, error) {
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
