package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"sealpost/services/client/courier"
	"sealpost/shared/digest"
	"sealpost/shared/logfile"
)

const (
	stdin = "-"
	// stdinName is the message's name where the bytes have none.
	stdinName = "stdin"
	// maxInMemory bounds what is kept in memory of an input without a size, in
	// bytes; more goes to a temporary file.
	maxInMemory = 1 << 20
)

// source is the bytes of one message, with size and hash known, to be read as
// often as needed.
type source struct {
	name   string
	piped  bool // from no regular file, whose emptiness can be an accident
	bytes  io.ReaderAt
	size   uint64
	sha256 logfile.Digest
	close  func()
}

func (s *source) open() (io.ReadSeekCloser, error) {
	return courier.Unclosed(io.NewSectionReader(s.bytes, 0, int64(s.size))), nil
}

// openFile opens what the command line names.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &inputError{err.Error()}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, &inputError{path + " is a directory; -outbox sends the files in one"}
	}
	return f, nil
}

// measure reads a file once for size and hash. The same open file is sent
// later, whatever its name stands for by then.
func measure(name string, f *os.File) (*source, error) {
	size, sum, err := digest.Of(f)
	if err != nil {
		return nil, &courier.ReadError{Name: name, Cause: err}
	}
	return &source{name: name, bytes: f, size: size, sha256: sum, close: func() { _ = f.Close() }}, nil
}

// spool reads in to its end, into memory or, when it is long, into a temporary
// file without a name.
func spool(name string, in io.Reader) (*source, error) {
	s, err := spoolAny(name, in)
	if err == nil {
		s.piped = true
	}
	return s, err
}

func spoolAny(name string, in io.Reader) (*source, error) {
	start, err := io.ReadAll(io.LimitReader(in, maxInMemory+1))
	if err != nil {
		return nil, &courier.ReadError{Name: name, Cause: err}
	}
	if len(start) <= maxInMemory {
		return &source{
			name: name, bytes: bytes.NewReader(start), size: uint64(len(start)),
			sha256: sha256.Sum256(start), close: func() {},
		}, nil
	}
	temp, err := unnamed()
	if err != nil {
		return nil, &spoolError{err}
	}
	s, err := fill(name, temp, io.MultiReader(bytes.NewReader(start), in))
	if err != nil {
		_ = temp.Close()
	}
	return s, err
}

func fill(name string, temp *os.File, in io.Reader) (*source, error) {
	reading := &remembering{in: in}
	if _, err := io.Copy(temp, reading); err != nil {
		if reading.err != nil {
			return nil, &courier.ReadError{Name: name, Cause: err}
		}
		return nil, &spoolError{err}
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return nil, &spoolError{err}
	}
	return measure(name, temp)
}

// spoolError means that an input without a size could not be kept.
type spoolError struct{ cause error }

func (e *spoolError) Error() string {
	return fmt.Sprintf("keeping the input, which is longer than %d bytes: %v", maxInMemory, e.cause)
}

func (e *spoolError) Unwrap() error { return e.cause }

// remembering tells errors of reading from those of writing.
type remembering struct {
	in  io.Reader
	err error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
