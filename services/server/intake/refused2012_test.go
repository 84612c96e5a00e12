package intake_test

import (
	"bytes"
	"crypto/tls"
	"testing"

	"sealpost/shared/crypto/cipher2012"
)

// What is not a message is answered with a reset, and leaves nothing behind.
func TestRefused2012(t *testing.T) {
	t.Parallel()
	good := enciphered2012(bytes.Repeat([]byte("0123456789"), 9)) // three blocks, no "="
	short := enciphered2012([]byte("short"))                      // one block, one "="
	change := func(b []byte, at int, by string) []byte {
		b = bytes.Clone(b)
		copy(b[at:], by)
		return b
	}
	text := func(s string) []byte { return append(bytes.Clone(good[:cipher2012.KeySize]), s...) }
	for _, test := range []struct {
		name   string
		bytes  []byte
		reason string
	}{
		{"half a key", good[:16], "connection lost"},
		{"the key alone", text(""), "bad ciphertext"},
		{"no base64", text("!!!!"), "bad ciphertext"},
		{"LF at the end", append(bytes.Clone(good), '\n'), "bad ciphertext"},
		{"CR LF inside", change(good, 76, "\r\n"), "bad ciphertext"},
		{"cut inside four characters", good[:len(good)-1], "bad ciphertext"},
		{"cut inside a block", good[:len(good)-4], "bad ciphertext"},
		{"33 bytes", change(short, len(short)-1, "A"), "bad ciphertext"},
		{"more behind the end", append(bytes.Clone(short), "AAAA"...), "bad ciphertext"},
		{"bad padding", change(good, 0, string(make([]byte, cipher2012.KeySize))), "bad ciphertext"},
		{"HTTP request", []byte("GET /index.html HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"), "bad ciphertext"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			s.wantReset2012(t, test.bytes)
			s.wantClosed(t, test.reason)
			check(t, s.send2012(t, good))
			s.goesOn(t)
			s.wantFiles(t, 3)
		})
	}
}

// Those who wait for an answer before they close are refused as well, and at
// once.
func TestWrongProtocol2012(t *testing.T) {
	t.Parallel()
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{})
		conn := tls.Client(s.dialRaw(t, s.addr2012, ""), s.pins(t).ClientTLS())
		wantReset(t, conn.HandshakeContext(t.Context()))
		s.wantClosed(t, "bad ciphertext")
		s.goesOn(t)
	})
	t.Run("HTTP", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{})
		conn := s.dialRaw(t, s.addr2012, "")
		_, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost:7514\r\nUser-Agent: none\r\n\r\n"))
		check(t, err)
		wantReset(t, readEnd(conn))
		s.wantClosed(t, "bad ciphertext")
		s.goesOn(t)
	})
}

// Half a message and a reset leaves nothing; half a message and a close cannot
// be told from a whole one unless the cut shows in its padding.
func TestHalfMessage2012(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	good := enciphered2012(make([]byte, 500<<10))
	conn := s.dialRaw(t, s.addr2012, "")
	_, err := conn.Write(good[:400<<10])
	check(t, err)
	check(t, conn.SetLinger(0))
	check(t, conn.Close())
	s.wantClosed(t, "connection lost")
	s.wantFiles(t, 0)

	s.wantReset2012(t, good[:400<<10])
	s.wantClosed(t, "bad ciphertext")
	s.wantFiles(t, 0)
	s.goesOn(t)
}

// A port check is not a fault.
func TestPortCheck2012(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	check(t, s.dialRaw(t, s.addr2012, "").Close())
	s.logs.wait(t, 1, fields{"wire": "2012", "message": "client left"})
	if n := s.logs.count(fields{"message": "connection closed"}); n != 0 {
		t.Error("a port check was logged as a fault")
	}
	s.goesOn(t)
}
