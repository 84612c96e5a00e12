package disk

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File is an open file of one message, for one goroutine at a time. An os.File
// costs a call of the poller, a finalizer and a lock at each use; no message needs
// them.
type File struct {
	fd   int
	path string
}

// WriteAt implements io.WriterAt.
func (h *File) WriteAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		n, err := unix.Pwrite(h.fd, p[done:], off+int64(done))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return done, &os.PathError{Op: "write", Path: h.path, Err: err}
		}
		done += n
	}
	return done, nil
}

// ReadAt implements io.ReaderAt.
func (h *File) ReadAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		n, err := unix.Pread(h.fd, p[done:], off+int64(done))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return done, &os.PathError{Op: "read", Path: h.path, Err: err}
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

// Sync flushes the file.
func (h *File) Sync() error {
	if err := ignoringEINTR(func() error { return unix.Fsync(h.fd) }); err != nil {
		return &os.PathError{Op: "sync", Path: h.path, Err: err}
	}
	return nil
}

// Fd returns the file descriptor.
func (h *File) Fd() uintptr { return uintptr(h.fd) }

// Close closes the file. It must be called once.
func (h *File) Close() error {
	if err := unix.Close(h.fd); err != nil {
		return &os.PathError{Op: "close", Path: h.path, Err: err}
	}
	return nil
}
