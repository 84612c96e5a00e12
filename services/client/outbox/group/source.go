package group

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"os"

	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// keep is how long a message may be, in bytes, whose bytes are kept from when they
// are measured until they are sent: a file need not be opened again for them. A
// group keeps Most of them.
const keep = 16 << 10

// UnfitError means that a message can never be sent as it is.
type UnfitError struct{ Cause error }

func (e *UnfitError) Error() string { return e.Cause.Error() }

func (e *UnfitError) Unwrap() error { return e.Cause }

var errChanged = errors.New("the file changed after it was first offered")

// measure opens a message and reads it once for its size and hash. An *UnfitError is
// for what is not a message: a link, a pipe, a directory, or, before it was ever
// offered, another's file that somebody gave a name in the outbox.
func (m *Message) measure() (size uint64, sum logfile.Digest, err error) {
	in, name := m.group.At(m.Name)
	f, err := in.Open(name, os.O_RDONLY, 0)
	if errors.Is(err, durable.ErrNotRegular) {
		return 0, sum, &UnfitError{durable.ErrNotRegular}
	}
	if err != nil {
		return 0, sum, err
	}
	m.file = f
	if m.info, err = durable.Stat(f); err != nil {
		return 0, sum, err
	}
	if !m.known {
		if err := m.group.checkPlanted(m.Name, m.info); err != nil {
			return 0, sum, err
		}
	}
	if m.info.Size() <= keep {
		return m.readAll()
	}
	return digest.Of(fromStart(f))
}

// readAll keeps the bytes of a small message.
func (m *Message) readAll() (size uint64, sum logfile.Digest, err error) {
	body := make([]byte, m.info.Size()+1)
	n, err := m.file.ReadAt(body, 0)
	if err == nil { // it has grown
		return digest.Of(fromStart(m.file))
	}
	if !errors.Is(err, io.EOF) {
		return 0, sum, err
	}
	m.body = body[:n]
	return uint64(n), sha256.Sum256(m.body), nil
}

func fromStart(f *os.File) io.Reader { return io.NewSectionReader(f, 0, math.MaxInt64) }

// inMemory is the body of a small message.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Open returns the bytes of a described message, from the start. They are those that
// were measured, or those of the same file.
func (m *Message) Open() (io.ReadSeekCloser, error) {
	if m.body != nil {
		return inMemory{bytes.NewReader(m.body)}, nil
	}
	in, name := m.group.At(m.Name)
	f, err := in.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := durable.Stat(f)
	if err == nil && !info.Same(m.info) {
		err = errChanged
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Reread finds out whether the bytes of a message that could not be read changed:
// an *UnfitError. Else it is nil.
func (m *Message) Reread() error {
	body, err := m.Open()
	if errors.Is(err, errChanged) {
		return &UnfitError{errChanged}
	}
	if err != nil {
		return nil
	}
	defer body.Close()
	size, sum, err := digest.Of(body)
	if err == nil && (size != m.Size || sum != m.SHA256) {
		return &UnfitError{errChanged}
	}
	return nil
}
