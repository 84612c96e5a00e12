package copying

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/bounded"
	"sealpost/shared/digest"
	"sealpost/shared/logfile"
)

// copier does one job.
type copier struct {
	Job
	ctx     context.Context
	from    *source
	to      *target
	marks   *marks
	retired *retired
	files   uint64
}

func (c *copier) run() error {
	if err := c.retired.read(); err != nil {
		return err
	}
	if err := c.from.each(c.message); err != nil {
		return err
	}
	if err := c.check(c.marks); err != nil {
		return err
	}
	if err := c.retired.last(c.from.messages); err != nil {
		return err
	}
	return c.to.finish(c.Known.ID, c.Checkpoint, c.retired.text, c.from.messages)
}

// message copies a log file, unless it was retired, and its line.
func (c *copier) message(e logfile.Entry, line []byte) error {
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	err := errGone
	if !c.retired.has(e.Seq) {
		err = c.file(e)
	}
	if errors.Is(err, errGone) {
		c.Progress.All.Add(-e.FileSize)
		err = c.gone(e)
	}
	if err != nil {
		return err
	}
	c.marks.add(line)
	return c.to.line(line)
}

// gone tells of a log file that is not there, unless it was retired, also meanwhile.
func (c *copier) gone(e logfile.Entry) error {
	if c.retired.has(e.Seq) {
		return nil
	}
	err := c.retired.read()
	if err == nil && !c.retired.has(e.Seq) {
		c.Gone(e.Seq, e.File)
	}
	return err
}

// errGone means that a log file is not there.
var errGone = errors.New("it is gone")

// file copies a log file, and compares what is copied with its line.
func (c *copier) file(e logfile.Entry) error {
	in, err := bounded.OpenRegular(c.from.vol.Logs(e.File))
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return &FileError{e.Seq, e.File, err}
	}
	defer func() { _ = in.Close() }()
	out, err := c.to.create(disk.LogsDir + "/" + e.File)
	if err != nil {
		return err
	}
	if err := c.compared(e, in, out); err != nil {
		return err
	}
	c.files++
	return c.to.written(out, in)
}

// compared copies the bytes.
func (c *copier) compared(e logfile.Entry, in *os.File, out *output) error {
	out.moved = func(n int) { c.Progress.Done.Add(uint64(n)) }
	n, sum, err := digest.Within(io.TeeReader(contextReader{c.ctx, in}, out), e.FileSize)
	switch {
	case out.err != nil:
		return out.err
	case err != nil && c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case err != nil:
		return &FileError{e.Seq, e.File, err}
	case n != e.FileSize:
		return &FileError{e.Seq, e.File, fmt.Errorf("it has %s bytes than the %d of its manifest line",
			map[bool]string{true: "more", false: "fewer"}[n > e.FileSize], e.FileSize)}
	case sum != e.FileSHA256:
		return &FileError{e.Seq, e.File, errDiffers}
	}
	return nil
}

var errDiffers = errors.New("content differs from its SHA-256 in the manifest")

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
