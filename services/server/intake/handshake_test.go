package intake_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
)

// Whoever does not speak TLS to the sealpost port is cut off; the server goes on.
func TestNotTLS(t *testing.T) {
	t.Parallel()
	key := cipher2012.DeriveKey("password")
	for _, test := range []struct {
		name  string
		bytes string
	}{
		{"garbage", "\x00\xff\x13\x37 no handshake of any kind \x80\x81\x82\x83"},
		{"HTTP request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"2012 wire", string(key[:]) + string(cipher2012.Encrypt(key, []byte("to the wrong port")))},
		{"TLS record of a length that cannot be", "\x16\x03\x01\xff\xff\x01"},
		{"handshake message that is not a greeting", "\x16\x03\x01\x00\x04\x63\x00\x00\x00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			conn := s.dialRaw(t, s.addr, "")
			_, err := conn.Write([]byte(test.bytes))
			check(t, err)
			// An alert may come; the end must.
			_, err = io.Copy(io.Discard, conn)
			if err != nil {
				wantEnded(t, err)
			}
			s.wantClosed(t, "handshake failed")
			s.goesOn(t)
		})
	}
}

// A greeting that offers less than the server demands is answered with an
// alert, before anything is said inside.
func TestWeakTLS(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		weaken func(*tls.Config)
	}{
		{"no ALPN", func(c *tls.Config) { c.NextProtos = nil }},
		{"another ALPN", func(c *tls.Config) { c.NextProtos = []string{"h2", "sealpost/2"} }},
		{"TLS 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }},
		{"a curve that is not taken", func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			config := s.pins(t).ClientTLS()
			test.weaken(config)
			err := tls.Client(s.dialRaw(t, s.addr, ""), config).HandshakeContext(t.Context())
			var alert *net.OpError
			if !errors.As(err, &alert) || alert.Op != "remote error" {
				t.Errorf("no alert of the server's, but: %v", err)
			}
			s.wantClosed(t, "handshake failed")
			s.goesOn(t)
		})
	}
}

// A wrong token, a wrong sender and something that is not a token hear the same.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	wrong, err := token.New("store-17")
	check(t, err)
	unknown, err := token.New("nobody")
	check(t, err)
	var first *framing.Close
	for _, test := range []struct{ name, token string }{
		{"wrong token", wrong.Reveal()}, {"unknown sender", unknown.Reveal()}, {"no token", "let me in"}, {"empty", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, options{})
			p := s.dial(t)
			p.write(framing.AppendHello(nil, test.token))
			answer := p.wantClose(framing.CodeUnauthenticated)
			if first == nil {
				first = &answer
			}
			if answer != *first {
				t.Errorf("the answer %q differs from %q", answer.Reason, first.Reason)
			}
			s.wantClosed(t, "unauthenticated")
			s.goesOn(t)
		})
	}
}
