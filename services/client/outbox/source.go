package outbox

import (
	"errors"
	"io"
	"math"
	"os"

	"sealpost/services/client/courier"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// errPlanted means that a file may be one that its putter could not read.
var errPlanted = errors.New("it has another name somewhere (a hard link), " +
	"and others may write into the outbox: put a copy in")

// open opens the claim's message, once for all that follows, and measures it. An
// unfitError is for what is not a message: a link, a pipe, a directory, or, before
// it was ever offered, another's file that somebody gave a name in the outbox.
func (o *run) open(c *claim, offered bool) (size uint64, sum logfile.Digest, err error) {
	f, err := c.dir.Open(c.name, os.O_RDONLY, 0)
	if errors.Is(err, durable.ErrNotRegular) {
		return 0, sum, unfitError{durable.ErrNotRegular}
	}
	if err != nil {
		return 0, sum, err
	}
	c.file = f
	if !offered {
		if err := o.box.checkPlanted(f); errors.Is(err, errPlanted) {
			return 0, sum, unfitError{err}
		} else if err != nil {
			return 0, sum, err
		}
	}
	return measure(f)
}

// checkPlanted is errPlanted for an open file that somebody may have planted.
func (b *box) checkPlanted(f *os.File) error {
	info, err := durable.Stat(f)
	if err != nil {
		return err
	}
	planted, err := b.planted(info)
	if err == nil && planted {
		err = errPlanted
	}
	return err
}

func (c *claim) closeFile() {
	if c.file != nil {
		_ = c.file.Close() // it was only read
	}
}

// reader reads the open message from its start.
func (c *claim) reader() io.ReadSeekCloser { return courier.Unclosed(fromStart(c.file)) }

func fromStart(f *os.File) io.ReadSeeker { return io.NewSectionReader(f, 0, math.MaxInt64) }

// measure reads a message once for its size and hash, and makes its bytes
// durable: the record that will speak of them must not outlive them.
func measure(f *os.File) (size uint64, sum logfile.Digest, err error) {
	if size, sum, err = digest.Of(fromStart(f)); err != nil {
		return 0, sum, err
	}
	return size, sum, f.Sync()
}
