package local

import (
	"bufio"
	"crypto/sha256"
	"hash"
	"io"

	"golang.org/x/sys/unix"

	"sealpost/shared/logfile"
)

const (
	writeBuffer   = 32 << 10
	writeBackStep = 8 << 20
	// flushAlone is the size from which a message is flushed by its own
	// goroutine, before it joins a group.
	flushAlone = 1 << 20
)

// largeSheet is a log file that is written as its bytes come.
type largeSheet struct {
	s          *staged
	message    hash.Hash     // of the deciphered bytes
	whole      hash.Hash     // of the log file up to the end of its plain part
	plainPart  *bufio.Writer // header, deciphered bytes, trailer
	cipherPart *bufio.Writer // the base64 text on its lines
	wrapped    io.WriteCloser
	come       uint64 // deciphered bytes
}

func newLargeSheet(s *staged) (*largeSheet, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	g := &largeSheet{s: s, message: sha256.New(), whole: sha256.New()}
	g.plainPart = bufio.NewWriterSize(&cursor{s: s}, writeBuffer)
	if s.layout.HasCiphertext() {
		g.cipherPart = bufio.NewWriterSize(&cursor{s: s, off: s.layout.CipherOffset()}, writeBuffer)
		g.wrapped = logfile.WrapBase64(g.cipherPart)
	}
	return g, g.put(s.layout.Header())
}

// put writes and digests the next part of what stands before the base64 text.
func (g *largeSheet) put(p []byte) error {
	g.whole.Write(p)
	_, err := g.plainPart.Write(p)
	return err
}

func (g *largeSheet) cipher(p []byte) error {
	_, err := g.wrapped.Write(p)
	return err
}

func (g *largeSheet) digest() logfile.Digest { return logfile.Digest(g.message.Sum(nil)) }

func (g *largeSheet) complete() (digest logfile.Digest, err error) {
	if err := g.put(g.s.layout.Trailer()); err != nil {
		return digest, err
	}
	if err := g.plainPart.Flush(); err != nil {
		return digest, err
	}
	if err := g.digestCiphertext(); err != nil {
		return digest, err
	}
	if g.s.saver != nil {
		if err := g.s.saver.wait(); err != nil {
			return digest, err
		}
	}
	if g.s.layout.FileSize() >= flushAlone {
		err = g.s.l.vol.Sync(g.s.file, g.s.name)
	}
	return logfile.Digest(g.whole.Sum(nil)), err
}

// digestCiphertext ends the base64 part and reads it back for the digest, since it
// was written before the part in front of it was complete. It is never large.
func (g *largeSheet) digestCiphertext() error {
	if g.wrapped == nil {
		return nil
	}
	if err := g.wrapped.Close(); err != nil {
		return err
	}
	if err := g.cipherPart.Flush(); err != nil {
		return err
	}
	from, to := g.s.layout.CipherOffset(), g.s.layout.FileSize()
	n, err := io.Copy(g.whole, io.NewSectionReader(g.s.file, from, to-from))
	if err == nil && n != to-from {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// cursor writes one part of the staged file from an offset on. The kernel is
// told to bring what is written to the disk meanwhile, so that little is left
// for the flush at the end of a large message.
type cursor struct {
	s       *staged
	off     int64
	started int64 // where the write-back under way ends
}

func (c *cursor) Write(p []byte) (int, error) {
	if err := c.s.room.Want(uint64(len(p))); err != nil {
		return 0, err
	}
	n, err := c.s.l.vol.WriteAt(c.s.file, c.s.name, p, c.off)
	c.s.room.Wrote(uint64(n))
	c.off += int64(n)
	if err == nil && c.off-c.started >= writeBackStep {
		// A hint: where it fails the flush will.
		_ = unix.SyncFileRange(int(c.s.file.Fd()), c.started, c.off-c.started, unix.SYNC_FILE_RANGE_WRITE)
		c.started = c.off
	}
	return n, err
}
