package courier

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/message"
	"sealpost/shared/nettest"
	"sealpost/shared/vectortest"
)

// vectorIdentity is the identity whose pin the vectors have: its private half is
// the bytes 00 to 1f.
func vectorIdentity(t *testing.T) *identity.Identity {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestServerVectors sends one message to servers that say what the vectors hold,
// and compares what becomes of it.
func TestServerVectors(t *testing.T) {
	id := vectorIdentity(t)
	for _, v := range vectortest.Read(t, "../../../shared/framing/testdata/servers") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			err := sendTo(t, replay(t, id, v.Body), v)
			if got := outcomeOf(err); got != v.Header["expect"] {
				t.Errorf("%s (%v), want %s", got, err, v.Header["expect"])
			}
		})
	}
}

// sendTo makes one attempt to send the vector's message.
func sendTo(t *testing.T, address string, v vectortest.Vector) error {
	t.Helper()
	tok, err := token.Parse(v.Header["token"])
	if err != nil {
		t.Fatal(err)
	}
	pins, err := identity.ParsePins(v.Header["pin"])
	if err != nil {
		t.Fatal(err)
	}
	// Without an end a test waits here for a server that says nothing more.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := Config{
		Servers: dial.One(address, pins.ClientTLS()), Token: tok, Pins: pins, Timeout: time.Minute, Stall: time.Minute,
		Receipts: receipt.NewVerifier(pins), Log: zerolog.Nop(),
	}
	c := New(cfg)
	defer c.Close()
	s, _, err := c.connect(ctx, cfg.Servers, dial.Target{})
	if err != nil {
		return err
	}
	_, err = s.deliver(&progress{ctx: ctx, all: c.movements}, vectorMessage(t, v))
	return err
}

func vectorMessage(t *testing.T, v vectortest.Vector) Message {
	t.Helper()
	id, err := message.ParseID(v.Header["id"])
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(v.Header["message"])
	m := Message{
		ID: id, Name: v.Header["name"], Cipher: message.None, Size: uint64(len(text)), SHA256: sha256.Sum256(text),
		Open: func() (io.ReadSeekCloser, error) { return Unclosed(bytes.NewReader(text)), nil },
	}
	if password, ok := v.Header["password"]; ok {
		m.Cipher, m.Key = message.Cipher2012, cipher2012.DeriveKey(password)
	}
	return m
}

func outcomeOf(err error) string {
	var refusal *RefusalError
	switch {
	case err == nil:
		return "receipted"
	case errors.As(err, &refusal) && refusal.Of == OfMessage:
		return "refused"
	case errors.As(err, &refusal):
		return "stopped"
	}
	return "not known"
}

// replay takes one connection and says what body holds: its first record to a
// HELLO, the rest once the client's message is there, then the end.
func replay(t *testing.T, id *identity.Identity, body []byte) (address string) {
	t.Helper()
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln := nettest.Listen(t)
	go func() {
		raw, err := ln.Accept()
		if err != nil {
			return // the client did not come: its own error says so
		}
		defer func() { _ = raw.Close() }()
		speak(tls.Server(raw, config), body)
	}()
	return ln.Addr().String()
}

// speak ends early where the client leaves, which is for the client to explain.
func speak(conn *tls.Conn, body []byte) {
	in := framing.NewReader(conn)
	first := min(framing.HeaderSize, len(body))
	if first == framing.HeaderSize {
		first = min(first+int(uint64(body[1])<<24|uint64(body[2])<<16|uint64(body[3])<<8|uint64(body[4])), len(body))
	}
	if _, err := in.Next(); err != nil {
		return
	}
	if _, err := conn.Write(body[:first]); err != nil {
		return
	}
	for first < len(body) {
		rec, err := in.Next()
		if err != nil {
			return
		}
		if rec.Type == framing.TypeEnd {
			break
		}
	}
	_, _ = conn.Write(body[first:])
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}
