package local

import (
	"crypto/sha256"
	"io"

	"sealpost/shared/logfile"
)

// smallFile is the size up to which a log file is laid out in memory.
const smallFile = 32 << 10

// smallSheet is a log file in memory, which is one write once it is complete.
type smallSheet struct {
	s       *staged
	text    []byte // the whole file
	end     int64  // of the deciphered bytes that are there
	wrapped io.WriteCloser
	at      int64 // end of the base64 text that is there
}

func newSmallSheet(s *staged) *smallSheet {
	l := &s.layout
	m := &smallSheet{s: s, text: make([]byte, l.FileSize()), end: l.PlainOffset(), at: l.CipherOffset()}
	copy(m.text, l.Header())
	copy(m.text[l.CipherOffset()-int64(len(l.Trailer())):], l.Trailer())
	if l.HasCiphertext() {
		m.wrapped = logfile.WrapBase64(m)
	}
	return m
}

func (m *smallSheet) plain(p []byte) error {
	m.end += int64(copy(m.text[m.end:], p))
	return nil
}

func (m *smallSheet) cipher(p []byte) error {
	_, err := m.wrapped.Write(p)
	return err
}

// Write takes the base64 text on its lines.
func (m *smallSheet) Write(p []byte) (int, error) {
	m.at += int64(copy(m.text[m.at:], p))
	return len(p), nil
}

func (m *smallSheet) digest() logfile.Digest {
	return sha256.Sum256(m.text[m.s.layout.PlainOffset():m.end])
}

func (m *smallSheet) complete() (digest logfile.Digest, err error) {
	if m.wrapped != nil {
		if err := m.wrapped.Close(); err != nil {
			return digest, err
		}
	}
	if err := m.s.open(); err != nil {
		return digest, err
	}
	if _, err := m.s.l.vol.WriteAt(m.s.file, m.s.name, m.text, 0); err != nil {
		return digest, err
	}
	return sha256.Sum256(m.text), nil
}
