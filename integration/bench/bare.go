package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/framing"
)

// The bare program does a large message's work and nothing else. A message is
//
//	offset  size  field
//	0       8     size n, big-endian
//	8       32    SHA-256 of the bytes
//	40      n     bytes
//
// and its answer one byte, sent once the log file is flushed.
const (
	bareHead   = 8 + sha256.Size
	bareAnswer = 1
)

// bareServerConfig has the server's private key, made for this run alone.
type bareServerConfig struct{ Key, Dir string }

// bareClientConfig says where the bare server listens, and what pin it has.
type bareClientConfig struct{ Server, Pin string }

type (
	bareAddress struct{ Address string }
	bareOrder   struct{ Path string }
)

// playBareServer takes messages from one connection until that ends.
func playBareServer(ctx context.Context, c *conversation) error {
	var config bareServerConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	ln, settings, err := listenAs(ctx, config.Key)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }()
	if err := c.tell(bareAddress{ln.Addr().String()}); err != nil {
		return err
	}
	raw, err := ln.Accept()
	if err != nil {
		return err
	}
	conn := tls.Server(raw, settings)
	defer func() { _ = conn.Close() }()
	for n := 0; ; n++ {
		if err := takeBare(conn, filepath.Join(config.Dir, fmt.Sprint(n))); err != nil {
			return err
		}
	}
}

// listenAs listens on the loopback interface, for TLS with a key of this run.
func listenAs(ctx context.Context, key string) (net.Listener, *tls.Config, error) {
	id, err := identity.ParsePEM([]byte(key))
	if err != nil {
		return nil, nil, err
	}
	settings, err := id.ServerTLS()
	if err != nil {
		return nil, nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	return ln, settings, err
}

var errBareDigest = errors.New("the bytes are not those that were announced")

// takeBare writes one message to a log file at path, flushes and answers it.
// io.EOF means that none came.
func takeBare(conn io.ReadWriter, path string) error {
	var head [bareHead]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	size, want := binary.BigEndian.Uint64(head[:]), [sha256.Size]byte(head[8:])
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	got, err := writeBare(f, conn, size)
	if err == nil && got != want {
		err = errBareDigest
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	_, err = conn.Write(make([]byte, bareAnswer))
	return err
}

// writeBare lays the log file out and computes the SHA-256 of the message and,
// as the server has to, that of the whole file.
func writeBare(f io.Writer, from io.Reader, size uint64) ([sha256.Size]byte, error) {
	layout := messageLayout(size)
	plain, whole := sha256.New(), sha256.New()
	if err := put(f, whole, layout.Header()); err != nil {
		return [sha256.Size]byte{}, err
	}
	buf := make([]byte, framing.MaxData)
	for left := size; left > 0; {
		part := buf[:min(left, uint64(len(buf)))]
		if _, err := io.ReadFull(from, part); err != nil {
			return [sha256.Size]byte{}, err
		}
		plain.Write(part)
		if err := put(f, whole, part); err != nil {
			return [sha256.Size]byte{}, err
		}
		left -= uint64(len(part))
	}
	if err := put(f, whole, layout.Trailer()); err != nil {
		return [sha256.Size]byte{}, err
	}
	whole.Sum(nil)
	return [sha256.Size]byte(plain.Sum(nil)), nil
}

func put(f io.Writer, sum hash.Hash, p []byte) error {
	sum.Write(p)
	_, err := f.Write(p)
	return err
}

// playBareClient sends the file of each order over one connection.
func playBareClient(ctx context.Context, c *conversation) error {
	var config bareClientConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	pins, err := identity.ParsePins(config.Pin)
	if err != nil {
		return err
	}
	conn, err := (&tls.Dialer{Config: pins.ClientTLS()}).DialContext(ctx, "tcp", config.Server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := c.tell(struct{}{}); err != nil {
		return err
	}
	for {
		var o bareOrder
		if err := c.hear(&o); err != nil {
			return err
		}
		begin := time.Now()
		if err := sendBare(conn, o.Path); err != nil {
			return err
		}
		if err := c.tell(outcome{Elapsed: time.Since(begin)}); err != nil {
			return err
		}
	}
}

// sendBare hashes a file, sends it, and waits for the answer.
func sendBare(conn io.ReadWriter, path string) error {
	size, sum, err := hashFile(path)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint64(nil, size), sum[:]...)); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, framing.MaxData)
	// The reader is wrapped so that its own WriteTo, with a smaller buffer, is not used.
	if _, err := io.CopyBuffer(conn, struct{ io.Reader }{f}, buf); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, buf[:bareAnswer])
	return err
}
