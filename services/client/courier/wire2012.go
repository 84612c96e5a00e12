package courier

import (
	"context"
	"io"
	"net"
	"time"

	"sealpost/shared/crypto/cipher2012"
)

// Send2012 sends one message over the 2012 wire: the key, then the text
// enciphered, with no framing and no answer. nil means that the server took
// everything and closed normally; timeout bounds each step without progress.
// The wire protects nothing.
func Send2012(ctx context.Context, server string, key cipher2012.Key, body io.Reader, timeout time.Duration) error {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	out := &stepped{conn, timeout}
	if _, err := out.Write(key[:]); err != nil {
		return err
	}
	sealing := cipher2012.NewEncrypter(key, out)
	if _, err := io.Copy(sealing, body); err != nil {
		return err
	}
	if err := sealing.Close(); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, out) // to the server's close, or its reset
	return err
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
