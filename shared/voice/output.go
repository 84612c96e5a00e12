package voice

import (
	"errors"
	"io"
	"os"
	"sync"
)

// Streams are the standard streams of a program.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Standard returns those of this process.
func Standard() Streams { return Streams{os.Stdin, os.Stdout, os.Stderr} }

// OutputError means that a result could not be printed. What the program did
// was done all the same.
type OutputError struct{ Cause error }

func (e *OutputError) Error() string { return "the result could not be printed: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *OutputError) Unwrap() error { return e.Cause }

// Output is a program's standard output. It remembers the first error, so that
// no result is lost unseen where a print's own error was not looked at; its
// methods may be called at once.
type Output struct {
	out io.Writer

	mu  sync.Mutex
	err *OutputError
}

// NewOutput returns an Output that writes to out.
func NewOutput(out io.Writer) *Output { return &Output{out: out} }

// Exposed reports whether w, an *Output or a file, leads to a regular file that
// others than its owner may read.
func Exposed(w io.Writer) bool {
	if o, ok := w.(*Output); ok {
		return Exposed(o.out)
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o044 != 0
}

// Write writes p. The error is *OutputError, and once there was one nothing more
// is written: a result with a hole in it is worse than one that ends early.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.out.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil && !errors.As(err, &o.err) { // else out is an Output itself, and has said it
		o.err = &OutputError{err}
	}
	if err != nil {
		return n, o.err
	}
	return n, nil
}

// After returns the outcome of a program that ended with err: err itself, joined
// by the first error of printing unless err tells of it already.
func (o *Output) After(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil || errors.As(err, new(*OutputError)) {
		return err
	}
	return errors.Join(err, o.err)
}
