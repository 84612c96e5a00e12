package courier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"slices"
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
)

// A large message for a false server, and its window.
const (
	windowSize = 100_000 // no multiple of a record
	longSize   = 1 << 20
)

func long() (Message, []byte) {
	text := make([]byte, longSize)
	for i := range text {
		text[i] = byte(i >> 8 * i)
	}
	return Message{
		ID: message.NewID(), Name: "long.bin", Cipher: message.None, Size: longSize, SHA256: sha256.Sum256(text),
		Open: func() (io.ReadSeekCloser, error) { return Unclosed(bytes.NewReader(text)), nil },
	}, text
}

// asker is a server that asks for bodies from given offsets, one after the other,
// and refuses each with a code.
type asker struct {
	offsets []uint64
	codes   []framing.Code
	reason  string   // "": no
	bodies  [][]byte // what came
	ends    []framing.Type
}

// serve takes one connection. It returns the error of its end.
func (a *asker) serve(conn *tls.Conn) error {
	in := framing.NewReader(conn)
	if _, err := in.Next(); err != nil {
		return err
	}
	w := framing.Welcome{MaxMessage: 1 << 30, Window: windowSize, MaxInFlight: 4, LogbookID: "x"}
	if _, err := conn.Write(framing.AppendWelcome(nil, w)); err != nil {
		return err
	}
	for ref := range a.offsets {
		if err := a.take(conn, in, ref); err != nil {
			return err
		}
	}
	_, err := in.Next()
	return err
}

func (a *asker) take(conn *tls.Conn, in *framing.Reader, ref int) error {
	a.bodies, a.ends = append(a.bodies, nil), append(a.ends, 0)
	for {
		rec, err := in.Next()
		if err != nil {
			return err
		}
		switch rec.Type {
		case framing.TypeOffer:
			_, err = conn.Write(framing.AppendAccept(nil, framing.Accept{Ref: uint32(ref), Offset: a.offsets[ref]}))
		case framing.TypeData:
			a.bodies[ref] = append(a.bodies[ref], rec.Payload...)
		default:
			a.ends[ref] = rec.Type
			_, err = conn.Write(framing.AppendRefusal(nil, framing.Refusal{Ref: uint32(ref), Code: a.codes[ref],
				Reason: cmp.Or(a.reason, "no")}))
			return err
		}
		if err != nil {
			return err
		}
	}
}

// ask delivers a message to an asker, and returns the error and that of the
// server's first connection.
func (a *asker) ask(t *testing.T, m Message) (err, ended error) {
	t.Helper()
	id := vectorIdentity(t)
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln := nettest.Listen(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		raw, err := ln.Accept()
		if err == nil {
			err = a.serve(tls.Server(raw, config))
			_ = raw.Close()
		}
		served <- err
		cancel() // a second connection is not for this test
	}()
	pins, err := identity.ParsePins(id.VerifierKey("x"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Servers: dial.One(ln.Addr().String(), pins.ClientTLS()), Token: tok, Pins: pins,
		Receipts: receipt.NewVerifier(pins), Log: zerolog.Nop()})
	_, err = c.Deliver(ctx, m)
	_ = c.Close()
	return err, <-served
}

// Whatever offset a server names that can be, the window travels, and behind it
// what the server lacks.
func TestOffsets(t *testing.T) {
	for _, offset := range []uint64{0, windowSize, windowSize + 1, longSize / 2, longSize - 1, longSize} {
		m, text := long()
		a := &asker{offsets: []uint64{offset}, codes: []framing.Code{framing.CodeTooLarge}}
		err, _ := a.ask(t, m)
		want := slices.Concat(text[:windowSize], text[max(windowSize, offset):])
		if !errors.As(err, new(*RefusalError)) || !bytes.Equal(a.bodies[0], want) || a.ends[0] != framing.TypeEnd {
			t.Errorf("from %d on came %d bytes and %s, want %d; %v", offset, len(a.bodies[0]), a.ends[0], len(want), err)
		}
	}
	m2012, _ := long()
	m2012.Cipher, m2012.Key = message.Cipher2012, cipher2012.DeriveKey("password")
	m, _ := long()
	for _, test := range []struct {
		m      Message
		offset uint64
	}{{m, 1}, {m, windowSize - 1}, {m, longSize + 1}, {m, 1<<64 - 1}, {m2012, windowSize}, {m2012, longSize}} {
		a := &asker{offsets: []uint64{test.offset}, codes: []framing.Code{framing.CodeTooLarge}}
		err, ended := a.ask(t, test.m)
		if !errors.As(err, new(*UnknownError)) || ended == nil || len(a.bodies[0]) > windowSize {
			t.Errorf("cipher %s, offset %d: %d bytes, then %v; the server: %v", test.m.Cipher, test.offset, len(a.bodies[0]),
				err, ended)
		}
	}
}

// A message whose part is spoiled goes whole, at once, on the same connection, and
// is not put off.
func TestPartSpoiled(t *testing.T) {
	m, text := long()
	m.Postpone = true
	a := &asker{offsets: []uint64{longSize / 2, 0}, codes: []framing.Code{framing.CodePartSpoiled, framing.CodeTooLarge}}
	err, _ := a.ask(t, m)
	if !errors.As(err, new(*RefusalError)) || len(a.bodies) != 2 || !bytes.Equal(a.bodies[1], text) {
		t.Errorf("%d bodies, %v", len(a.bodies), err)
	}
}

// A server that finds every part spoiled does not hold a message that may be put
// off.
func TestPartSpoiledForEver(t *testing.T) {
	m, _ := long()
	m.Postpone = true
	spoiled := framing.CodePartSpoiled
	a := &asker{offsets: make([]uint64, maxBroken+1), codes: []framing.Code{spoiled, spoiled, spoiled, spoiled}}
	err, _ := a.ask(t, m)
	if !errors.As(err, new(*PostponedError)) || len(a.bodies) != maxBroken+1 && len(a.bodies) != maxBroken {
		t.Errorf("%d bodies, %v", len(a.bodies), err)
	}
}

// A file that is shorter behind the offset than it was is not sent as another
// message.
func TestOffsetBehindTheEnd(t *testing.T) {
	m, text := long()
	m.Open = func() (io.ReadSeekCloser, error) { return Unclosed(bytes.NewReader(text[:longSize/2])), nil }
	a := &asker{offsets: []uint64{longSize - 5}, codes: []framing.Code{framing.CodeCancelled}}
	err, _ := a.ask(t, m)
	if !errors.As(err, new(*ReadError)) {
		t.Errorf("%v", err)
	}
}
