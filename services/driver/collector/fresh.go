package collector

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sealpost/shared/logfile"
)

// overlap is how many bytes of the kept manifest are fetched and compared
// again: enough to notice another logbook or a rewritten past, without
// fetching a manifest of a million lines each time.
const overlap = 1 << 20

// fresh holds what the server's manifest has beyond the kept one, in a file without
// a name: the lines of files that may still have to be collected. No line was parsed
// yet.
type fresh struct {
	file  *os.File
	size  int64 // bytes, the last line may be half a line
	lines uint64
	cut   bool // the server's manifest goes on: one run takes no more
}

func (f *fresh) close() { _ = f.file.Close() } // nobody needs what it holds any more

// fetchManifest brings the checkpoint, the note of retired messages, and then the fresh
// part of the manifest.
// The session it used is left open for the files.
func (c *collector) fetchManifest(ctx context.Context) (*session, *fresh, error) {
	file, err := c.Unnamed()
	if err != nil {
		return nil, nil, err
	}
	f := &fresh{file: file}
	s, err := c.fetchCheckpoint(ctx)
	if err == nil {
		s, err = c.fetchRetired(ctx, s)
	}
	if err == nil {
		s, err = c.tryManifest(ctx, s, f)
	}
	if err != nil {
		s.drop()
		f.close()
		return nil, nil, err
	}
	return s, f, nil
}

// tryManifest tries until the manifest is there, at first over s if there is
// one. A manifest that is shorter than the kept one or than what was signed (a
// server that recovers from a power cut has yet to append what it had) is waited
// for; a changed one is never right again.
func (c *collector) tryManifest(ctx context.Context, s *session, f *fresh) (*session, error) {
	patience := time.Now().Add(c.Wait)
	pauses, n, told := c.pauses(), 0, false
	return c.overSession(ctx, s, pauses, func(s *session) error {
		n++
		err := c.readManifest(s, f)
		behind := errors.Is(err, ErrBehind) || errors.Is(err, errShort)
		patient := time.Now().Before(patience)
		switch {
		case err == nil || errors.Is(err, errShort) && !patient:
			return nil
		case ctx.Err() != nil:
			return err
		case behind && patient:
			n = 0
			pauses.Reset()
			if !told {
				told = true
				c.Log.Warn().Err(err).Stringer("at_most", c.Wait).Msg("the server's manifest is behind, waiting for it")
			}
		case errors.As(err, new(*ManifestError)), isLocal(err):
			return backoff.Permanent(err)
		case n >= c.Attempts:
			return backoff.Permanent(&ManifestError{Line: -1, Cause: err})
		}
		c.Log.Debug().Err(err).Msg("manifest not fetched, trying again")
		return err
	})
}

// readManifest fetches the server's manifest from shortly before the end of
// the kept one. Lines appended meanwhile are for the next run.
func (c *collector) readManifest(s *session, f *fresh) error {
	size, err := s.size(logfile.ManifestName)
	switch {
	case missing(err):
		return ErrMissing
	case err != nil:
		return err
	}
	f.cut = size > c.kept.size && uint64(size-c.kept.size) > c.MaxManifest
	if f.cut {
		size = c.kept.size + int64(c.MaxManifest)
	}
	start := max(0, min(size, c.kept.size)-c.Overlap)
	if err := f.reset(); err != nil {
		return err
	}
	var count lineCounter
	same := &comparer{
		want: io.NewSectionReader(c.kept.file, start, c.kept.size-start),
		rest: io.MultiWriter(f.file, &count),
	}
	if size > start {
		err = s.retrieve(logfile.ManifestName, start, size-start, same)
	}
	if err := c.continues(size, start+same.matched, err); err != nil {
		return err
	}
	f.size, f.lines = count.total, count.lines
	if c.kept.lines+f.lines < c.known && !f.cut {
		return errShort
	}
	return nil
}

// continues reports whether a manifest of size bytes continues the kept one. It
// is the same up to byte number at, and err is how its transfer ended.
func (c *collector) continues(size, at int64, err error) error {
	changed, more := errors.Is(err, ErrChanged), errors.Is(err, errMore)
	switch {
	case err != nil && !changed && !more:
		return err
	case size < c.kept.size:
		return c.kept.blame(at, ErrBehind)
	case changed:
		return c.kept.blame(at, ErrChanged)
	}
	return nil
}

func (f *fresh) reset() error {
	if err := f.file.Truncate(0); err != nil {
		return local(err)
	}
	_, err := f.file.Seek(0, io.SeekStart)
	return local(err)
}

// comparer checks that what is written to it begins with the bytes of want,
// and passes on what follows them. ErrChanged says that it does not.
type comparer struct {
	want    *io.SectionReader
	rest    io.Writer
	matched int64 // bytes of want that were found
	buf     [4 << 10]byte
}

func (c *comparer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n, err := c.want.Read(c.buf[:min(len(p), len(c.buf))])
		if n == 0 && err == io.EOF {
			m, err := c.rest.Write(p)
			return written + m, err
		}
		if n == 0 {
			return written, err
		}
		same := commonPrefix(p[:n], c.buf[:n])
		c.matched += int64(same)
		if same < n {
			return written, ErrChanged
		}
		p, written = p[n:], written+n
	}
	return written, nil
}

func commonPrefix(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}
