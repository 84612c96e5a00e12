package courier

import (
	"errors"
	"io"
	"sync"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

var errSize = errors.New("its size is not the one declared")

// bodySize is the length of what travels of an offered message.
func bodySize(o framing.Offer) uint64 {
	if o.Cipher == framing.Cipher2012 {
		return cipher2012.KeySize + o.EncryptedSize
	}
	return o.Size
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, framing.MaxData); return &b }}

// copyBody writes what travels of m to w. The error is a *ReadError or w's.
func copyBody(w io.Writer, m Message, body io.Reader) error {
	from := &source{name: m.Name, body: body, left: m.Size}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	if m.Cipher != message.Cipher2012 {
		_, err := io.CopyBuffer(w, from, *buf)
		return err
	}
	if _, err := w.Write(m.Key[:]); err != nil {
		return err
	}
	sealing := cipher2012.NewEncrypter(m.Key, w)
	if _, err := io.CopyBuffer(sealing, from, *buf); err != nil {
		return err
	}
	return sealing.Close()
}

// source reads a message's bytes. They are exactly as many as were declared, or
// it fails; its errors are *ReadError.
type source struct {
	name string
	body io.Reader
	left uint64
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if uint64(n) > s.left { // as of a file that has grown
		return 0, &ReadError{s.name, errSize}
	}
	s.left -= uint64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, &ReadError{s.name, err}
	case s.left > 0:
		return n, &ReadError{s.name, errSize}
	}
	return n, io.EOF
}
