package disk

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// at returns the directory and the path by which system calls such as openat(2)
// find name: relative to the volume where OpenRoot has opened it.
func (v *Volume) at(name string) (dir int, path string) {
	if v.root == nil {
		return unix.AT_FDCWD, v.Path(name)
	}
	return int(v.root.Fd()), name
}

// Create makes a new file.
func (v *Volume) Create(name string, mode fs.FileMode) (*os.File, error) {
	if err := v.Announce(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	return openMode(v.Path(name), unix.O_EXCL, mode)
}

// Open opens a file that may have to be made.
func (v *Volume) Open(name string, mode fs.FileMode) (*os.File, error) {
	if err := v.Announce(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	return openMode(v.Path(name), 0, mode)
}

// CreateFile makes the file of one message, as its readers need it.
func (v *Volume) CreateFile(name string) (*os.File, error) {
	if err := v.Announce(Step{Op: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	dir, path := v.at(name)
	fd, err := openFD(dir, path, unix.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Reopen opens the file of one message that is there already.
func (v *Volume) Reopen(name string) (*os.File, error) {
	dir, path := v.at(name)
	var fd int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir, path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
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
	err := ignoringEINTR(func() (err error) {
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

// ignoringEINTR repeats a system call that a signal interrupts.
func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ensureMode sets the mode that readers of the volume need, if the umask took part
// of it. A stat costs a fraction of a chmod, so it comes first.
func ensureMode(fd int, mode fs.FileMode) error {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && fs.FileMode(st.Mode).Perm() == mode {
		return nil
	}
	return unix.Fchmod(fd, uint32(mode))
}
