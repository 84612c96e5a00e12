package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

// peers misbehave, each in a way of its own, again and again. What they send must never
// be kept, and must not hold anything for long.
type peers struct {
	address string
	pins    identity.Pins
	known   token.Token // of a sender
	unknown token.Token
	count   atomic.Int64 // of misbehaviours
}

func newPeers(address string, a access) (*peers, error) {
	pins, err := identity.ParsePins(a.Identity)
	known, noToken := token.Parse(a.Tokens[0])
	unknown, noOther := token.New("bench-stranger")
	return &peers{address: address, pins: pins, known: known, unknown: unknown}, errors.Join(err, noToken, noOther)
}

// pace is how long a peer waits before it comes again: they are to be a nuisance, and
// not to have the processors.
const pace = 100 * time.Millisecond

// misbehave returns once ctx has ended. Its error is that of a misbehaviour that the
// server put up with.
func (p *peers) misbehave(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, way := range []func(context.Context) error{
		p.silent, p.garbage, p.hangUp, p.stranger, p.brokenOff, p.otherBytes,
	} {
		for range 4 {
			g.Go(func() error {
				for {
					select {
					case <-ctx.Done():
						return nil
					case <-time.After(pace):
					}
					if err := way(ctx); err != nil && ctx.Err() == nil {
						return err
					}
					p.count.Add(1)
				}
			})
		}
	}
	return g.Wait()
}

// connected has use talk on a bare connection. What becomes of that is the server's.
func (p *peers) connected(ctx context.Context, use func(*net.TCPConn)) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	use(c.(*net.TCPConn))
	return nil
}

// silent says nothing until the server gives it up.
func (p *peers) silent(ctx context.Context) error {
	return p.connected(ctx, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
}

// garbage says what is no TLS.
func (p *peers) garbage(ctx context.Context) error {
	return p.connected(ctx, func(c *net.TCPConn) {
		_, _ = c.Write(content(4 << 10))
		_, _ = io.Copy(io.Discard, c)
	})
}

// hangUp greets, and resets the connection in the middle of the log-in.
func (p *peers) hangUp(ctx context.Context) error {
	return p.connected(ctx, func(c *net.TCPConn) {
		secured := tls.Client(c, p.pins.ClientTLS())
		if secured.HandshakeContext(ctx) == nil {
			_, _ = secured.Write([]byte{0, 0, 0})
		}
		_ = c.SetLinger(0)
	})
}

// stranger logs in with a token that the server does not know.
func (p *peers) stranger(ctx context.Context) error {
	return p.refused(p.unknown, "a stranger was let in", func(c *courier.Courier) error {
		_, err := c.Logbook(ctx)
		return err
	})
}

var errBrokenOff = errors.New("the sender breaks off")

// brokenOff stops in the middle of a message.
func (p *peers) brokenOff(ctx context.Context) error {
	half := func() (io.ReadSeekCloser, error) {
		return courier.Unclosed(brokenReader{bytes.NewReader(content(100 << 10))}), nil
	}
	return p.delivering(ctx, 200<<10, half, "half a message was kept")
}

// otherBytes sends other bytes than it has declared.
func (p *peers) otherBytes(ctx context.Context) error {
	other := func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content(smallSize))), nil }
	return p.delivering(ctx, smallSize, other, "a message with other bytes than declared was kept")
}

func (p *peers) delivering(
	ctx context.Context, size uint64, open func() (io.ReadSeekCloser, error), kept string,
) error {
	return p.refused(p.known, kept, func(c *courier.Courier) error {
		_, err := c.Deliver(ctx, courier.Message{
			ID: message.NewID(), Name: messageName, Cipher: message.None,
			Size: size, SHA256: sha256.Sum256([]byte("what was declared")), Open: open,
		})
		return err
	})
}

// refused expects an error of use.
func (p *peers) refused(tok token.Token, otherwise string, use func(*courier.Courier) error) error {
	c := courier.New(courier.Config{
		Servers: dial.One(p.address, p.pins.ClientTLS()), Token: tok, Pins: p.pins, Timeout: 10 * time.Second,
		Log: zerolog.Nop(),
	})
	defer c.Close()
	if use(c) == nil {
		return errors.New(otherwise)
	}
	return nil
}

// brokenReader fails where its bytes end.
type brokenReader struct{ io.ReadSeeker }

func (r brokenReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if errors.Is(err, io.EOF) {
		err = errBrokenOff
	}
	return n, err
}
