package identity

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// flipping changes one bit in the next write.
type flipping struct {
	net.Conn
	at int // the byte; negative: none
}

func (f *flipping) Write(p []byte) (int, error) {
	if f.at >= 0 {
		p = bytes.Clone(p)
		p[f.at] ^= 1
		f.at = -1
	}
	return f.Conn.Write(p)
}

// TestAlteredRecord: one bit that is changed on the wire, at whatever place of a
// TLS record, keeps all of that record from arriving.
func TestAlteredRecord(t *testing.T) {
	const size = 5 + 1 + 1 + 16 // header, one byte of ours, its type, the tag: RFC 8446, section 5.2
	id := generate(t)
	address, ended := serve(t, serverTLS(t, id))
	for at := -1; at < size; at++ {
		raw, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		wire := &flipping{Conn: raw, at: -1}
		client := tls.Client(wire, pinsOf(id).ClientTLS())
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		wire.at = at
		if _, err := client.Write([]byte{7}); err != nil {
			t.Fatal(err)
		}
		// A length that was made larger waits for more, so this is the end.
		if err := raw.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; (err == nil) != (at < 0) {
			t.Errorf("byte %d of the record changed: the server's error is %v", at, err)
		}
		raw.Close()
	}
}
