package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrLocked means that another process or another FileLock holds the lock.
var ErrLocked = errors.New("locked by another process")

// FileLock is an exclusive flock(2) on a file. The kernel drops it when its
// holder dies, also across containers that share a volume. It keeps out only
// those that ask for it.
type FileLock struct {
	file *os.File
}

// Lock waits for the lock on the file at path, making the file (mode 0600)
// where it is missing. On return the locked file is the one at path.
func Lock(path string) (*FileLock, error) { return lockPath(path, unix.LOCK_EX) }

// TryLock is Lock without waiting: ErrLocked when the lock is taken.
func TryLock(path string) (*FileLock, error) { return lockPath(path, unix.LOCK_EX|unix.LOCK_NB) }

// Lock is [Lock] for a file in the directory, wherever that lies by then.
func (d *Dir) Lock(name string) (*FileLock, error) { return d.lockAs(name, unix.LOCK_EX, os.O_CREATE) }

// TryLock is [TryLock] for a file in the directory.
func (d *Dir) TryLock(name string) (*FileLock, error) {
	return d.lockAs(name, unix.LOCK_EX|unix.LOCK_NB, os.O_CREATE)
}

// TryLockThere is TryLock for a file that is there already: fs.ErrNotExist where
// it is not.
func (d *Dir) TryLockThere(name string) (*FileLock, error) {
	return d.lockAs(name, unix.LOCK_EX|unix.LOCK_NB, 0)
}

// Holds reports whether the locked file is still the one at path: false once
// it was removed, replaced, or its directory renamed away.
func (l *FileLock) Holds(path string) bool {
	here, err := os.Stat(path)
	if err != nil {
		return false
	}
	held, err := l.file.Stat()
	return err == nil && os.SameFile(here, held)
}

// Info describes the locked file.
func (l *FileLock) Info() (Info, error) { return Stat(l.file) }

// Close gives the lock up. The file stays: to remove it would pull it from
// under those who wait for it.
func (l *FileLock) Close() error { return l.file.Close() }

func lockPath(path string, how int) (*FileLock, error) {
	for {
		held, err := lockOnce(path, how)
		if err != nil || held.Holds(path) {
			return held, err
		}
		_ = held.Close() // its directory was renamed away meanwhile
	}
}

func lockOnce(path string, how int) (*FileLock, error) {
	d, err := OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	defer d.Close()
	return d.lockAs(filepath.Base(path), how, os.O_CREATE)
}

func (d *Dir) lockAs(name string, how, create int) (*FileLock, error) {
	for {
		f, err := d.openLock(name, create)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := flock(f, how); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", d.in(name), err)
		}
		held := &FileLock{file: f}
		if held.holdsIn(d, name) {
			return held, nil
		}
		// The file was replaced between opening and locking: this lock
		// guards nothing.
		_ = f.Close()
	}
}

// holdsIn is Holds for a name in a directory.
func (l *FileLock) holdsIn(d *Dir, name string) bool {
	here, err := d.Lstat(name)
	if err != nil {
		return false
	}
	held, err := l.Info()
	return err == nil && here.Same(held)
}

// openLock asks for write access because flock over NFS needs it, and does
// without on a read-only mount, where a lock that exists can still be taken.
// A symbolic link is refused: a lock file is made where it is named.
func (d *Dir) openLock(name string, create int) (*os.File, error) {
	f, err := d.Open(name, os.O_RDWR|create, 0o600)
	if errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission) {
		if readOnly, readErr := d.Open(name, os.O_RDONLY, 0); readErr == nil {
			return readOnly, nil
		}
	}
	return f, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR): // signals of the Go scheduler
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrLocked
		default:
			return err
		}
	}
}
