package courier

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/dial"
	"sealpost/shared/framing"
	"sealpost/shared/nettest"
)

// FuzzAnswers: whatever the right server says after WELCOME, a delivery ends. It
// succeeds only with our own entry, and is refused for good only by a record
// that says so of this very offer, or of the connection.
func FuzzAnswers(f *testing.F) {
	l, s := newLedger(f)
	own := framing.AppendReceipt(nil, framing.Receipt{Text: l.receipt()})
	l.index = 1
	other := framing.AppendReceipt(nil, framing.Receipt{Text: l.receipt()})
	accept := framing.AppendAccept(nil, framing.Accept{})
	refusal := func(ref uint32, code framing.Code) []byte {
		return framing.AppendRefusal(nil, framing.Refusal{Ref: ref, Code: code, Reason: "no"})
	}
	for _, seed := range [][]byte{
		{}, own, own[:len(own)-1], other, append(accept, own...),
		append(bytes.Clone(accept), accept...), append(bytes.Clone(own), own...),
		refusal(0, framing.CodeTooLarge), refusal(1, framing.CodeTooLarge),
		refusal(0, framing.CodeUnavailable), refusal(0, 0xffff),
		framing.AppendClose(nil, framing.Close{Code: framing.CodeUnauthenticated}),
		framing.AppendClose(nil, framing.Close{Code: framing.CodeShuttingDown}),
		framing.AppendWelcome(nil, s.welcome), {0x83, 0xff, 0xff, 0xff, 0xff},
	} {
		f.Add(seed)
	}
	config, err := l.id.ServerTLS()
	if err != nil {
		f.Fatal(err)
	}
	ln := nettest.Listen(f)
	welcome := framing.AppendWelcome(nil, framing.Welcome{
		MaxMessage: 1 << 20, Window: 1 << 18, MaxInFlight: 4, LogbookID: checkedLogbook,
	})
	s.cfg.Servers = dial.One(ln.Addr().String(), s.cfg.Pins.ClientTLS())
	s.cfg.Log, s.cfg.Stall = zerolog.Nop(), time.Minute
	f.Fuzz(func(t *testing.T, stream []byte) {
		ended := make(chan error, 1)
		go func() { ended <- answer(ln, config, append(bytes.Clone(welcome), stream...)) }()
		c := New(s.cfg)
		session, _, err := c.connect(t.Context(), s.cfg.Servers, dial.Target{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := session.deliver(&progress{ctx: t.Context(), all: c.movements}, l.message)
		_ = c.Close()
		<-ended // how the server fares is nothing to us
		var refusal *RefusalError
		switch {
		case err == nil && d.Entry != withTime(l.entries[0]):
			t.Errorf("delivered as %+v", d.Entry)
		case errors.As(err, &refusal) && !refused(stream, refusal):
			t.Errorf("refused with %v by %x", refusal, stream)
		}
	})
}

// answer takes one connection and says stream, whatever it hears.
func answer(ln net.Listener, config *tls.Config, stream []byte) error {
	raw, err := ln.Accept()
	if err != nil {
		return err
	}
	defer raw.Close()
	conn := tls.Server(raw, config)
	if _, err := framing.NewReader(conn).Next(); err != nil { // HELLO
		return err
	}
	if _, err := conn.Write(stream); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, raw)
	return err
}

// refused reports whether a record of the stream refuses offer 0, or the
// connection, as the error says.
func refused(stream []byte, as *RefusalError) bool {
	in := framing.NewReader(bytes.NewReader(stream))
	for {
		rec, err := in.Next()
		if err != nil {
			return false
		}
		switch rec.Type {
		case framing.TypeRefusal:
			r, err := framing.ParseRefusal(rec.Payload)
			if err == nil && r.Ref == 0 && r.Code == as.Code {
				return (as.Of == OfMessage) == (r.Code.Class() == framing.ClassMessage)
			}
		case framing.TypeClose:
			c, err := framing.ParseClose(rec.Payload)
			if err == nil && c.Code == as.Code {
				return as.Of == OfConnection
			}
		}
	}
}
