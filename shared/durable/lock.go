package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

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
func Lock(path string) (*FileLock, error) { return lock(path, unix.LOCK_EX) }

// TryLock is Lock without waiting: ErrLocked when the lock is taken.
func TryLock(path string) (*FileLock, error) { return lock(path, unix.LOCK_EX|unix.LOCK_NB) }

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

// Close gives the lock up. The file stays: to remove it would pull it from
// under those who wait for it.
func (l *FileLock) Close() error { return l.file.Close() }

func lock(path string, how int) (*FileLock, error) {
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := flock(f, how); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		held := &FileLock{file: f}
		if held.Holds(path) {
			return held, nil
		}
		// The file was replaced between opening and locking: this lock
		// guards nothing.
		_ = f.Close()
	}
}

// openLock asks for write access because flock over NFS needs it, and does
// without on a read-only mount, where a lock that exists can still be taken.
// A symbolic link is refused: a lock file is made where it is named.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission) {
		readOnly, readErr := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		if readErr == nil {
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
