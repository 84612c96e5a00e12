package collector

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/cenkalti/backoff/v5"
	"github.com/jlaffaye/ftp"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// missing reports whether the server's answer means "no such file".
func missing(err error) bool { return hasCode(err, ftp.StatusFileUnavailable) }

// have reports whether the log file of an item is in the output directory. One that
// an earlier run settled was checked then, so that its size is enough now.
func (c *collector) have(item *Item, settled bool) (bool, error) {
	e := item.Entry
	var info durable.Info
	err := c.at(e.File, func(in *Output, name string) (err error) {
		info, err = in.Lstat(name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || uint64(info.Size()) != e.FileSize {
		return false, ErrForeign
	}
	if settled {
		return true, nil
	}
	if !c.trusts(info) {
		return false, foreign(errOthers)
	}
	item.checked, item.looked = info, true
	if err := item.Check(); err != nil {
		return false, foreign(err)
	}
	c.touch(e.File) // the run that gave the name may not have come to flush it
	return true, nil
}

// errOthers means that a file is neither ours nor the directory owner's.
var errOthers = errors.New("it belongs to another user")

func foreign(why error) error { return fmt.Errorf("%w: %w", ErrForeign, why) }

// mostUnasked is how large a file may be that is fetched without a question for its
// size: where that is wrong it shows in what comes.
const mostUnasked = 1 << 20

// fetch brings one log file over s: a small one into memory, another one into its
// temporary file, which stays open: the rest of what an earlier attempt left there, or
// all of it. What it returns has passed every check. With ask the server is asked for
// the size first, so that one of another size is told from one that was cut.
func (c *collector) fetch(s *session, item *Item, ask bool) (*part, error) {
	e := item.Entry
	if e.FileSize > c.MaxFile {
		return nil, ErrTooLarge
	}
	if ask || e.FileSize > mostUnasked {
		size, err := s.size(e.File)
		switch {
		case missing(err):
			return nil, ErrMissing
		case err != nil:
			return nil, err
		case size < 0 || uint64(size) != e.FileSize:
			return nil, fmt.Errorf("%w: %d, not %d bytes", ErrSize, size, e.FileSize)
		}
	}
	if err := c.makeShard(e.File); err != nil {
		return nil, local(err)
	}
	if c.inMemory(e) {
		text, err := c.fetchText(s, e)
		if err != nil {
			return nil, err
		}
		return &part{text: text}, nil
	}
	var whole *part
	err := c.at(e.File, func(in *Output, name string) (err error) {
		whole, err = c.fetchPart(s, in, partName(name), e)
		return err
	})
	return whole, err
}

// inMemory reports whether a log file is checked before it is written at all.
func (c *collector) inMemory(e logfile.Entry) bool {
	return e.FileSize <= uint64(max(0, c.MaxInMemory))
}

// fetchText brings a log file into memory and checks it.
func (c *collector) fetchText(s *session, e logfile.Entry) ([]byte, error) {
	text := bytes.NewBuffer(make([]byte, 0, e.FileSize))
	if err := c.retrieve(s, e, 0, text); err != nil {
		return nil, err
	}
	return text.Bytes(), checkFile(bytes.NewReader(text.Bytes()), e)
}

// retrieve copies a log file from byte number have on to its end.
func (c *collector) retrieve(s *session, e logfile.Entry, have int64, to io.Writer) error {
	err := s.retrieve(e.File, have, int64(e.FileSize)-have, io.MultiWriter(to, c.Progress))
	if missing(err) {
		return ErrMissing
	}
	return err
}

// partName is the name of a log file's temporary file, beside it.
func partName(name string) string { return "." + name + ".part" }

// fetchPart brings a file into its temporary one, beside which it gets its name. That
// one goes where this machine's disk fails: it would take the room that other files may
// find enough.
func (c *collector) fetchPart(s *session, in *Output, name string, e logfile.Entry) (*part, error) {
	f, err := in.openPart(name)
	if err != nil {
		return nil, local(err)
	}
	err = c.fill(s, f, e)
	if err == nil && e.FileSize >= ownFlush {
		err = local(f.Sync())
	}
	if err == nil {
		return &part{File: f}, nil
	}
	if closeErr := f.Close(); closeErr != nil {
		err = errors.Join(err, local(closeErr))
	}
	if isLocal(err) || errors.Is(err, ErrMissing) {
		_ = in.Remove(name) // the first error is the one to report
	}
	return nil, err
}

// fill completes the temporary file and checks it. Bytes that turn out wrong are
// thrown away.
func (c *collector) fill(s *session, f *os.File, e logfile.Entry) error {
	sum := sha256.New()
	have, err := resume(f, int64(e.FileSize), sum)
	if err != nil {
		return local(err)
	}
	if want := int64(e.FileSize) - have; want > 0 {
		if err := c.retrieve(s, e, have, io.MultiWriter(f, sum)); err != nil {
			return err
		}
	}
	if !bytes.Equal(sum.Sum(nil), e.FileSHA256[:]) {
		err = ErrDigest
	} else {
		err = checkContent(f, e)
	}
	if err != nil {
		return errors.Join(err, local(f.Truncate(0)))
	}
	return nil
}

// resume hashes what is there already and leaves f at its end. More than size
// bytes cannot be the start of this file.
func resume(f *os.File, size int64, sum hash.Hash) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > size {
		return 0, f.Truncate(0)
	}
	return io.Copy(sum, f)
}

// retry fetches the log file of a job, with a fresh connection where the one at
// hand may be to blame, and says in the item what became of it. It returns the
// session to go on with, nil where there is none. The error is about the run as
// a whole.
func (c *collector) retry(ctx context.Context, s *session, j *job) (*session, error) {
	e, n := j.item.Entry, 0
	s, err := c.overSession(ctx, s, c.pauses(), func(s *session) error {
		n++
		part, err := c.fetch(s, &j.item, n > 1 || j.standing == owed)
		if errors.Is(err, ErrMissing) && c.isRetired(s, e.Seq) {
			j.item.Retired, err = true, nil // since the run began
		}
		j.part, j.item.New, j.item.Err = part, part != nil, nil
		if err == nil || ctx.Err() != nil {
			return err
		}
		j.item.Err = fileError(e, err)
		if n >= c.attemptsAt(j, err) {
			return backoff.Permanent(j.item.Err)
		}
		c.Log.Debug().Err(err).Uint64("number", e.Seq).Stringer("id", e.ID).Int("attempt", n).
			Msg("file not fetched, trying again")
		return err
	})
	if err == j.item.Err { // tried often enough, or there
		return s, nil
	}
	j.blame(err)
	return s, err
}

func fileError(e logfile.Entry, cause error) *FileError {
	return &FileError{Seq: e.Seq, File: e.File, Cause: cause}
}

// blame ends the job if it is the one after which no session could be had: what
// takes the server down is passed over by the next run.
func (j *job) blame(err error) {
	if j.item.Err != nil && errors.As(err, new(*ConnectError)) {
		close(j.done)
	}
}

// inStep reports whether err says something about one file alone, and not that
// server or disk fail: the session still works after it.
func inStep(err error) bool {
	for _, target := range []error{ErrMissing, ErrSize, ErrTooLarge, ErrDigest, ErrContent, ErrForeign, errLags} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// newest is how many messages at the end of the manifest may be without their
// files for a moment.
const newest = 100

// attemptsAt says how often a file that failed with err is tried. One may come
// into sight a moment after its manifest line, but there is no waiting for each
// of the many that were removed long ago; what is owed comes again on each run.
func (c *collector) attemptsAt(j *job, err error) int {
	if j.standing == owed || errors.Is(err, ErrMissing) && j.item.Entry.Seq+newest < c.lines {
		return 1
	}
	return c.attemptsFor(err)
}

// attemptsFor says how often something that failed with err is tried. Bytes that
// differ may have been a bad start to resume from: that is not worth more than a
// repeat. Nothing is gained by trying a disk again.
func (c *collector) attemptsFor(err error) int {
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrForeign), isLocal(err):
		return 1
	case inStep(err):
		return min(2, c.Attempts)
	}
	return c.Attempts
}
