package courier

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"sealpost/services/client/dial"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

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
	if m.Cipher == message.Cipher2012 {
		return encipher(w, m.Key, from)
	}
	return copyBuffered(w, from)
}

func copyBuffered(w io.Writer, from io.Reader) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err := io.CopyBuffer(w, from, *buf)
	return err
}

// encipher writes the key, then the text enciphered.
func encipher(w io.Writer, key cipher2012.Key, text io.Reader) error {
	if _, err := w.Write(key[:]); err != nil {
		return err
	}
	sealing := cipher2012.NewEncrypter(key, w)
	if err := copyBuffered(sealing, text); err != nil {
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

// Send2012 sends one message over the 2012 wire, to the first server that takes a
// connection: the key, then the text enciphered, with no framing and no answer. nil
// means that the server took everything and closed normally; timeout bounds each step
// without progress. The wire protects nothing.
func Send2012(
	ctx context.Context, servers []dial.Server, key cipher2012.Key, body io.Reader, timeout time.Duration,
) error {
	conn, err := connect2012(ctx, servers, timeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	out := &stepped{conn, timeout}
	if err := encipher(out, key, body); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, out) // to the server's close, or its reset
	return err
}

func connect2012(ctx context.Context, servers []dial.Server, timeout time.Duration) (net.Conn, error) {
	if timeout > 0 {
		within, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		ctx = within
	}
	conn, _, err := dial.First(ctx, servers, dial.Attempt[net.Conn]{
		Open: func(ctx context.Context, t dial.Target) (net.Conn, error) { return t.Connect(ctx) },
		Drop: func(conn net.Conn) { _ = conn.Close() },
	})
	if err != nil {
		return nil, unreached(err)
	}
	return conn, nil
}

// stepped sets a deadline before every step.
type stepped struct {
	net.Conn
	timeout time.Duration
}

func (c *stepped) arm() error {
	if c.timeout <= 0 {
		return nil
	}
	return c.SetDeadline(time.Now().Add(c.timeout))
}

func (c *stepped) Write(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *stepped) Read(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
