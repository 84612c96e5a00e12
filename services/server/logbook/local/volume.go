package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable"
)

const (
	stagingDir   = "staging"
	logsDir      = "logs"
	lockName     = "lock"
	stagedPrefix = "m-"
	newSuffix    = ".new"
)

// volume is the one place that touches the file system. Every operation that
// durability rests on goes through it and is announced to step, so that tests
// can watch each one and make it fail. Names are paths below dir.
type volume struct {
	dir  string
	step func(Step) error
	root *os.File // dir, once the logbook is open
}

// at is name as the system calls take it that start from a directory: the walk
// to dir is saved where that is open.
func (v *volume) at(name string) (dir int, path string) {
	if v.root == nil {
		return unix.AT_FDCWD, v.path(name)
	}
	return int(v.root.Fd()), name
}

func (v *volume) path(name string) string    { return filepath.Join(v.dir, name) }
func (v *volume) staging(name string) string { return filepath.Join(v.dir, stagingDir, name) }
func (v *volume) logs(name string) string    { return filepath.Join(v.dir, logsDir, name) }

// prepare makes the two directories with the modes that their readers need,
// whatever the umask, and gives them to those that an earlier start left without.
func (v *volume) prepare() error {
	if err := durable.MkdirAll(v.dir, 0o755); err != nil {
		return err
	}
	for _, d := range []struct {
		path string
		mode fs.FileMode
	}{{v.logs(""), 0o755}, {v.staging(""), 0o700}} {
		if err := prepareDir(d.path, d.mode); err != nil {
			return err
		}
	}
	return v.syncDir("")
}

func prepareDir(path string, mode fs.FileMode) error {
	if err := durable.MkdirAll(path, mode); err != nil {
		return err
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	// A directory of another user's is for that user to open or close.
	if err := ensureMode(int(d.Fd()), mode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return &os.PathError{Op: "chmod", Path: path, Err: err}
	}
	return nil
}

// create makes a new file.
func (v *volume) create(name string, mode fs.FileMode) (*os.File, error) {
	if err := v.step(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	return openMode(v.path(name), unix.O_EXCL, mode)
}

// open opens a file that may have to be made.
func (v *volume) open(name string, mode fs.FileMode) (*os.File, error) {
	if err := v.step(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	return openMode(v.path(name), 0, mode)
}

// createStaged makes the file of one message, as its readers need it.
func (v *volume) createStaged(name string) (*handle, error) {
	if err := v.step(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	dir, path := v.at(name)
	fd, err := openFD(dir, path, unix.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return &handle{fd, path}, nil
}

func openMode(path string, flags int, mode fs.FileMode) (*os.File, error) {
	fd, err := openFD(unix.AT_FDCWD, path, flags, mode)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func openFD(dir int, path string, flags int, mode fs.FileMode) (int, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(dir, path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, uint32(mode))
		return err
	})
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := ensureMode(fd, mode); err != nil {
		_ = unix.Close(fd)
		if flags&unix.O_EXCL != 0 {
			_ = unix.Unlinkat(dir, path, 0)
		}
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// again repeats a system call that a signal interrupts.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ensureMode gives back what the umask took of the mode that readers of the
// volume need. It looks first, which costs a fraction of a change.
func ensureMode(fd int, mode fs.FileMode) error {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && fs.FileMode(st.Mode).Perm() == mode {
		return nil
	}
	return unix.Fchmod(fd, uint32(mode))
}

// openFile is an *os.File or a *handle.
type openFile interface {
	io.WriterAt
	Sync() error
	Fd() uintptr
}

func (v *volume) writeAt(f openFile, name string, p []byte, off int64) (int, error) {
	if err := v.step(Step{Op: OpWrite, Name: name, Off: off, Data: p}); err != nil {
		return 0, err
	}
	return f.WriteAt(p, off)
}

// append writes p at the end, which is off. On failure the file may hold any
// part of p.
func (v *volume) append(f *os.File, name string, p []byte, off int64) error {
	if err := v.step(Step{Op: OpAppend, Name: name, Off: off, Data: p}); err != nil {
		return err
	}
	_, err := f.WriteAt(p, off)
	return err
}

// cut makes a file shorter.
func (v *volume) cut(f *os.File, name string, size int64) error {
	if err := v.step(Step{Op: OpCut, Name: name, Off: size}); err != nil {
		return err
	}
	return f.Truncate(size)
}

// replaceWith writes p to a fresh file, flushes it and gives it a name that
// another file may have had: what is there is whole, and old or new.
func (v *volume) replaceWith(fresh, name string, mode fs.FileMode, p []byte) error {
	_ = v.remove(fresh) // what a crash left
	f, err := v.create(fresh, mode)
	if err != nil {
		return err
	}
	err = v.append(f, fresh, p, 0)
	if err == nil {
		err = v.sync(f, fresh)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return v.replace(fresh, name)
}

// sync flushes one file.
func (v *volume) sync(f openFile, name string) error {
	if err := v.step(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return f.Sync()
}

// syncData flushes one file's bytes, and its size if that changed, but not its
// times.
func (v *volume) syncData(f openFile, name string) error {
	if err := v.step(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", again(func() error { return unix.Fdatasync(int(f.Fd())) }))
}

// syncFS flushes the whole file system.
func (v *volume) syncFS() error {
	if err := v.step(Step{Op: OpSyncFS}); err != nil {
		return err
	}
	return os.NewSyscallError("syncfs", unix.Syncfs(int(v.root.Fd())))
}

// written waits for what is on its way to the disk from f, and returns the error
// of any write-back since f was opened.
func (v *volume) written(f openFile, name string) error {
	if err := v.step(Step{Op: OpWritten, Name: name}); err != nil {
		return err
	}
	err := unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
	return os.NewSyscallError("sync_file_range", err)
}

// syncDir flushes the names in a directory.
func (v *volume) syncDir(name string) error {
	if err := v.step(Step{Op: OpSyncDir, Name: name}); err != nil {
		return err
	}
	d, err := os.Open(v.path(name))
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// publish gives a staged file its final name. It replaces nothing: a file that
// is there already is fs.ErrExist.
func (v *volume) publish(staged, final string) error {
	if err := v.step(Step{Op: OpRename, Name: staged, To: final}); err != nil {
		return err
	}
	dir, from := v.at(staged)
	_, to := v.at(final)
	err := unix.Renameat2(dir, from, dir, to, unix.RENAME_NOREPLACE)
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
	if err := os.Link(v.path(staged), v.path(final)); err != nil {
		return err
	}
	return v.remove(staged)
}

// isFree reports whether nothing has that name.
func (v *volume) isFree(name string) (bool, error) {
	var st unix.Stat_t
	dir, path := v.at(name)
	err := unix.Fstatat(dir, path, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, unix.ENOENT):
		return true, nil
	}
	return false, &os.PathError{Op: "stat", Path: path, Err: err}
}

// replace gives a file a name that another one may have had.
func (v *volume) replace(old, new string) error {
	if err := v.step(Step{Op: OpRename, Name: old, To: new}); err != nil {
		return err
	}
	return os.Rename(v.path(old), v.path(new))
}

// remove drops a file in staging. What cannot be removed now goes at the next
// start, so most callers need not mind the error.
func (v *volume) remove(name string) error {
	if err := v.step(Step{Op: OpRemove, Name: name}); err != nil {
		return err
	}
	return os.Remove(v.path(name))
}

// removeStaged drops every message that was on its way in when the last server
// ended, and what was to replace a file.
func (v *volume) removeStaged() (int, error) {
	entries, err := os.ReadDir(v.staging(""))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		message := strings.HasPrefix(e.Name(), stagedPrefix)
		if !message && !strings.HasSuffix(e.Name(), newSuffix) {
			continue
		}
		if err := v.remove(stagingDir + "/" + e.Name()); err != nil {
			return n, err
		}
		if message {
			n++
		}
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
