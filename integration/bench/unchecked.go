package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// playUncheckedLoad is the process that sends as playLoad does and looks at no
// receipt: for servers whose receipts prove nothing.
func playUncheckedLoad(ctx context.Context, c *conversation) error {
	var config loadConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	conns, err := connectUnchecked(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		for _, u := range conns {
			_ = u.conn.Close() // every message has its answer
		}
	}()
	if err := c.tell(struct{}{}); err != nil {
		return err
	}
	for {
		var o order
		if err := c.hear(&o); err != nil {
			return err
		}
		began := time.Now()
		var g errgroup.Group
		for i, u := range conns {
			share := (o.Messages + i) / len(conns)
			g.Go(func() error { return u.send(share, o.InFlight, content(o.Size)) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if err := c.tell(outcome{Elapsed: time.Since(began)}); err != nil {
			return err
		}
	}
}

// unchecked is a connection that is logged in.
type unchecked struct {
	conn *tls.Conn
	in   *framing.Reader
	ref  uint32
}

func connectUnchecked(ctx context.Context, config loadConfig) ([]*unchecked, error) {
	pins, err := identity.ParsePins(config.Access.Identity)
	if err != nil {
		return nil, err
	}
	dialer := &tls.Dialer{Config: pins.ClientTLS()}
	var conns []*unchecked
	for i := range config.Connections {
		conn, err := dialer.DialContext(ctx, "tcp", config.Server)
		if err != nil {
			return nil, err
		}
		u := &unchecked{conn: conn.(*tls.Conn), in: framing.NewReader(conn)}
		if err := u.login(config.Access.Tokens[i%len(config.Access.Tokens)]); err != nil {
			return nil, err
		}
		conns = append(conns, u)
	}
	return conns, nil
}

func (u *unchecked) login(token string) error {
	if _, err := u.conn.Write(framing.AppendHello(nil, token)); err != nil {
		return err
	}
	return u.expect(framing.TypeWelcome)
}

func (u *unchecked) expect(want framing.Type) error {
	rec, err := u.in.Next()
	if err == nil && rec.Type != want {
		err = fmt.Errorf("a record of type %#x, want %#x", rec.Type, want)
	}
	return err
}

// send has n messages answered, inFlight at a time.
func (u *unchecked) send(n, inFlight int, body []byte) error {
	sum := sha256.Sum256(body)
	for sent, answered := 0, 0; answered < n; {
		if sent < n && sent-answered < inFlight {
			if err := u.offer(body, sum); err != nil {
				return err
			}
			sent++
			continue
		}
		if err := u.expect(framing.TypeReceipt); err != nil {
			return err
		}
		answered++
	}
	return nil
}

func (u *unchecked) offer(body []byte, sum [sha256.Size]byte) error {
	out := framing.AppendOffer(nil, framing.Offer{
		Ref: u.ref, ID: message.NewID(), Size: uint64(len(body)), SHA256: sum, Name: messageName, Cipher: framing.CipherNone,
	})
	u.ref++
	out = framing.Append(out, framing.TypeData, body)
	_, err := u.conn.Write(framing.Append(out, framing.TypeEnd, nil))
	return err
}
