// Package bounded opens and reads files whose size is known beforehand, or has a
// bound, so that neither a device without an end nor a pipe that nobody writes
// keeps a program for ever.
//
// Nothing here tells who may have put a file where it is, and links are followed.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// patience is how long a pipe may take to say all that it has to say.
const patience = 10 * time.Second

var (
	// ErrTooLong means that a file has more bytes than may be in it.
	ErrTooLong = errors.New("too long")
	// ErrNotRegular means that something else than a regular file lies there.
	ErrNotRegular = errors.New("not a regular file")
)

// ReadFile reads a file of at most most bytes; the error of a longer one is
// ErrTooLong. A pipe, as of a shell's <(command), is read to its end too, if
// that comes within ten seconds; one that nobody writes is empty.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// A regular file knows no deadline, and needs none.
	if err := f.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return nil, err
	}
	return ReadAll(f, most)
}

// ReadAll reads an open file of at most most bytes to its end.
func ReadAll(f *os.File, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > most:
		return nil, &os.PathError{Op: "read", Path: f.Name(), Err: fmt.Errorf("%w: more than %d bytes", ErrTooLong, most)}
	}
	return text, nil
}

// OpenRegular opens a file that must be a regular one; the error of anything else
// is ErrNotRegular.
func OpenRegular(path string) (*os.File, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// open does not wait for who is to write a pipe.
func open(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) }
