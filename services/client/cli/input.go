package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mattn/go-isatty"

	"sealpost/services/client/courier"
	"sealpost/shared/signals"
)

var (
	// errInterrupted means that the client was stopped before anything was sent.
	errInterrupted = errors.New("interrupted before anything was sent")
	// errHungUp means that a terminal went away before the message was typed to
	// its end. The kernel reports that as an end like any other.
	errHungUp = errors.New("the terminal hung up before the end of the message")
)

// errEmpty means that a pipe brought nothing: most often the command before it
// failed, or standard input was not connected.
func errEmpty(path string) error {
	if path == stdin {
		path = "standard input"
	}
	return &inputError{path + " is empty; -allow-empty sends an empty message"}
}

// source opens FILE with size and hash. The end of ctx ends a reading that takes
// long.
func (r *runner) source(ctx context.Context) (*source, error) {
	r.announceTerminal()
	s, err := openSource(ctx, r.file, r.In)
	if err != nil || s.size > 0 {
		return s, err
	}
	if s.piped && !r.allowEmpty {
		s.close()
		return nil, errEmpty(r.file)
	}
	r.log.Warn().Msg("the message is empty")
	return s, nil
}

// announceTerminal says why nothing happens while a person is to type.
func (r *runner) announceTerminal() {
	if f, ok := r.In.(*os.File); ok && r.file == stdin && isTerminal(f) && !r.quiet {
		speak.Remark(r.Err, []string{
			"reading the message from the terminal; " + endOfInput + " on a line of its own ends it"})
	}
}

func openSource(ctx context.Context, path string, in io.Reader) (*source, error) {
	return await(ctx, func() (*source, error) { return readSource(path, in) })
}

// await returns what read returns, or errInterrupted at the end of ctx: read may
// sit in a terminal's read for ever.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	value, err := signals.Await(ctx, read)
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	return value, err
}

// readSource reads FILE. What is not a regular file is spooled first, because the
// server wants to know size and hash before the bytes.
func readSource(path string, in io.Reader) (*source, error) {
	if path == stdin {
		return spool(stdinName, whole(in))
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		defer f.Close()
		return spool(name, whole(f))
	}
	s, err := measure(name, f)
	if err != nil {
		_ = f.Close()
	}
	return s, err
}

// stream opens FILE for the 2012 wire, which needs neither size nor hash.
func (r *runner) stream(ctx context.Context) (in io.Reader, closeIn func(), err error) {
	r.announceTerminal()
	in, closeIn = r.In, func() {}
	if r.file != stdin {
		f, err := await(ctx, func() (*os.File, error) { return openFile(r.file) })
		if err != nil {
			return nil, nil, err
		}
		in, closeIn = f, func() { _ = f.Close() }
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return in, closeIn, nil
		}
	}
	buffered := bufio.NewReader(whole(in))
	_, err = await(ctx, func() ([]byte, error) { return buffered.Peek(1) })
	switch {
	case err == nil, errors.Is(err, io.EOF) && r.allowEmpty:
		return buffered, closeIn, nil
	case errors.Is(err, io.EOF):
		err = errEmpty(r.file)
	case !errors.Is(err, errInterrupted):
		err = &courier.ReadError{Name: r.file, Cause: err}
	}
	closeIn()
	return nil, nil, err
}

// whole returns a reader that takes the end of a terminal that went away for a
// failure, and every other reader as it is.
func whole(in io.Reader) io.Reader {
	if f, ok := in.(*os.File); ok && isTerminal(f) {
		return &terminal{f}
	}
	return in
}

// terminal is a terminal that a person types a message at.
type terminal struct{ file *os.File }

func (t *terminal) Read(p []byte) (int, error) {
	n, err := t.file.Read(p)
	if err != nil && !isTerminal(t.file) {
		return n, errHungUp
	}
	return n, err
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }
