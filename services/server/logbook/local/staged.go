package local

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
)

const (
	writeBuffer   = 32 << 10
	writeBackStep = 8 << 20
	// flushAlone is the size from which a message is flushed by its own
	// goroutine, before it joins a group: small ones must not wait for it.
	flushAlone = 1 << 20
)

// staged is one message on its way in. Its log file is laid out in one pass:
// the declared sizes say where the deciphered bytes and where the base64 text
// lie, so both are written where they will stay.
type staged struct {
	l        *Logbook
	draft    logbook.Draft
	name     string // below the logbook's directory
	file     *os.File
	layout   logfile.Layout
	received time.Time

	plain      uint64        // deciphered bytes written
	digest     hash.Hash     // of the deciphered bytes
	fileDigest hash.Hash     // of the log file up to the end of its plain part
	plainPart  *bufio.Writer // header, deciphered bytes, trailer
	ciphertext uint64        // base64 bytes written
	cipherPart *bufio.Writer // the base64 text, wrapped
	wrapped    io.WriteCloser

	entry    logfile.Entry // without number and file until the commit
	line     []byte
	result   chan result
	promised uint64
	settled  bool // only Discard may follow, and does nothing
	kept     bool // drop leaves the file: a record may still name it
}

type result struct {
	facts logbook.Facts
	err   error
}

// Stage reserves space for a message and opens it for writing.
func (l *Logbook) Stage(_ context.Context, d logbook.Draft) (logbook.Staged, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	s := &staged{l: l, draft: d, received: l.cfg.Now(), result: make(chan result, 1)}
	s.layout = logfile.NewLayout(logfile.Head{
		ReceivedAt: s.received.In(l.cfg.Zone), Size: d.Size, EncryptedSize: d.EncryptedSize,
		Cipher: d.Cipher, Sender: d.Sender, Name: d.Name, ID: d.ID,
	}, l.cfg.CiphertextMax)
	need := uint64(s.layout.FileSize())
	if err := l.space.reserve(d.Sender, need); err != nil {
		return nil, err
	}
	s.promised = need
	if err := s.begin(); err != nil {
		s.Discard()
		return nil, l.failed(err)
	}
	return s, nil
}

// begin lays the log file out. A small message stays in the buffers until it is
// complete, and is one write then; a large one is written as it comes.
func (s *staged) begin() error {
	s.name = stagedName()
	s.digest, s.fileDigest = sha256.New(), sha256.New()
	s.plainPart = bufio.NewWriterSize(&cursor{s: s}, int(min(s.layout.CipherOffset(), writeBuffer)))
	if s.layout.HasCiphertext() {
		s.cipherPart = bufio.NewWriterSize(&cursor{s: s, off: s.layout.CipherOffset()}, writeBuffer)
		s.wrapped = logfile.WrapBase64(s.cipherPart)
	}
	return s.put(s.layout.Header())
}

func stagedName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return stagingDir + "/" + stagedPrefix + hex.EncodeToString(b[:])
}

// open makes the file, with the first write to it.
func (s *staged) open() (err error) {
	if s.file == nil {
		s.file, err = s.l.vol.create(s.name, 0o644)
	}
	return err
}

// put writes and digests the next part of what stands before the base64 text.
func (s *staged) put(p []byte) error {
	s.fileDigest.Write(p)
	_, err := s.plainPart.Write(p)
	return err
}

// Write takes the deciphered bytes.
func (s *staged) Write(p []byte) (int, error) {
	if uint64(len(p)) > s.draft.Size-s.plain {
		return 0, fmt.Errorf("%w: more than the declared %d bytes", logbook.ErrMismatch, s.draft.Size)
	}
	if err := s.put(p); err != nil {
		return 0, s.l.failed(err)
	}
	s.digest.Write(p)
	s.plain += uint64(len(p))
	return len(p), nil
}

// WriteCiphertext takes the base64 text.
func (s *staged) WriteCiphertext(p []byte) (int, error) {
	if uint64(len(p)) > s.draft.EncryptedSize-s.ciphertext {
		return 0, fmt.Errorf("%w: more than the declared %d bytes of ciphertext", logbook.ErrMismatch, s.draft.EncryptedSize)
	}
	s.ciphertext += uint64(len(p))
	if s.wrapped == nil {
		return len(p), nil
	}
	if _, err := s.wrapped.Write(p); err != nil {
		return 0, s.l.failed(err)
	}
	return len(p), nil
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
	if err := c.s.open(); err != nil {
		return 0, err
	}
	n, err := c.s.l.vol.writeAt(c.s.file, c.s.name, p, c.off)
	c.off += int64(n)
	if err == nil && c.off-c.started >= writeBackStep {
		// A hint: where it fails the flush will.
		_ = unix.SyncFileRange(int(c.s.file.Fd()), c.started, c.off-c.started, unix.SYNC_FILE_RANGE_WRITE)
		c.started = c.off
	}
	return n, err
}

// Append checks the content, commits it and returns its facts.
func (s *staged) Append(ctx context.Context) (logbook.Facts, error) {
	if err := s.check(); err != nil {
		s.Discard()
		return logbook.Facts{}, err
	}
	next := s.l.unwritten
	if s.file != nil {
		if err := s.complete(); err != nil {
			s.Discard()
			return logbook.Facts{}, s.l.failed(err)
		}
		next = s.l.queue
	}
	select {
	case next <- s:
		s.settled = true // a writer or the committer has it now
	case <-s.l.closing:
		s.Discard()
		return logbook.Facts{}, logbook.ErrClosed
	case <-ctx.Done():
		s.Discard()
		return logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnavailable, context.Cause(ctx))
	}
	return s.wait(ctx)
}

func (s *staged) wait(ctx context.Context) (logbook.Facts, error) {
	select {
	case r := <-s.result:
		return r.facts, r.err
	case <-ctx.Done():
		return logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnknown, context.Cause(ctx))
	case <-s.l.done:
	}
	select { // the committer answered before it ended, or never saw this one
	case r := <-s.result:
		return r.facts, r.err
	default:
		return logbook.Facts{}, logbook.ErrClosed
	}
}

// check compares what was written with what was declared.
func (s *staged) check() error {
	if s.plain != s.draft.Size || s.ciphertext != s.draft.EncryptedSize {
		return fmt.Errorf("%w: %d of %d bytes, %d of %d bytes of ciphertext", logbook.ErrMismatch,
			s.plain, s.draft.Size, s.ciphertext, s.draft.EncryptedSize)
	}
	if got := logfile.Digest(s.digest.Sum(nil)); got != s.draft.SHA256 {
		return fmt.Errorf("%w: SHA-256 is %x, declared %x", logbook.ErrMismatch, got, s.draft.SHA256)
	}
	return nil
}

// complete writes what follows the plain bytes and makes the manifest entry.
func (s *staged) complete() error {
	if err := s.put(s.layout.Trailer()); err != nil {
		return err
	}
	if err := s.plainPart.Flush(); err != nil {
		return err
	}
	if err := s.digestCiphertext(); err != nil {
		return err
	}
	s.plainPart, s.cipherPart, s.wrapped = nil, nil, nil // a group may be long in coming
	if s.layout.FileSize() >= flushAlone {
		if err := s.l.vol.sync(s.file, s.name); err != nil {
			return err
		}
	}
	d := s.draft
	s.entry = logfile.Entry{
		V: 1, ID: d.ID, Sender: d.Sender, Name: d.Name, Cipher: d.Cipher,
		ReceivedAt: s.received.UTC(), Size: d.Size, EncryptedSize: d.EncryptedSize, SHA256: d.SHA256,
		FileSize: uint64(s.layout.FileSize()), FileSHA256: logfile.Digest(s.fileDigest.Sum(nil)),
	}
	return nil
}

// digestCiphertext ends the base64 part and reads it back for the digest: it
// was written while the part before it still grew, and it is never large.
func (s *staged) digestCiphertext() error {
	if s.wrapped == nil {
		return nil
	}
	if err := s.wrapped.Close(); err != nil {
		return err
	}
	if err := s.cipherPart.Flush(); err != nil {
		return err
	}
	from := s.layout.CipherOffset()
	n, err := io.Copy(s.fileDigest, io.NewSectionReader(s.file, from, s.layout.FileSize()-from))
	if err == nil && n != s.layout.FileSize()-from {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Discard drops the message and frees its space.
func (s *staged) Discard() {
	if s.settled {
		return
	}
	s.settled = true
	s.drop()
}

// drop closes and removes the staged file.
func (s *staged) drop() {
	if s.file != nil {
		_ = s.file.Close()
		if !s.kept {
			_ = s.l.vol.remove(s.name)
		}
	}
	s.l.space.release(s.draft.Sender, s.promised)
}

// answer ends the message's way: its caller gets r.
func (s *staged) answer(r result) { s.result <- r }
