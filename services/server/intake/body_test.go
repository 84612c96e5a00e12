package intake_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
)

// respell changes the base64 text of a sealed body, whose length stays.
func respell(change func(text []byte)) func(*parcel) {
	return func(m *parcel) { change(m.body[cipher2012.KeySize:]) }
}

// enciphered replaces the blocks of a sealed body with what these plain bytes
// give without any padding of their own.
func enciphered(blocks []byte) func(*parcel) {
	return func(m *parcel) {
		key := cipher2012.DeriveKey("password")
		text := cipher2012.Encrypt(key, blocks)
		whole := cipher2012.EncryptedLen(uint64(len(blocks)) - 1) // without the block of padding
		if len(blocks)%3 != 0 {
			panic("base64 of these blocks cannot be cut behind them")
		}
		m.body = append(key[:], text[:whole]...)
	}
}

// A body that is not what its offer declared is refused, at once or at its end;
// the connection stays in step.
func TestBadBody(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 9) // 90 bytes: three blocks
	for _, test := range []struct {
		name   string
		sealed bool
		change func(*parcel)
		code   framing.Code
	}{
		{"wrong SHA-256", false, func(m *parcel) { m.SHA256[31] ^= 1 }, framing.CodeMismatch},
		{"a changed byte", false, func(m *parcel) { m.body = bytes.ToUpper(append([]byte("x"), content[1:]...)) },
			framing.CodeMismatch},
		{"one byte too few", false, func(m *parcel) { m.body = m.body[1:] }, framing.CodeMismatch},
		{"no byte at all", false, func(m *parcel) { m.body = nil }, framing.CodeMismatch},
		{"one byte too many", false, func(m *parcel) { m.body = append(bytes.Clone(m.body), 'x') }, framing.CodeMismatch},
		{"far too many bytes", false, func(m *parcel) { m.body = make([]byte, framing.InitialWindow) }, framing.CodeMismatch},
		{"bytes of an empty message", false, func(m *parcel) { m.Size = 0 }, framing.CodeMismatch},

		{"no base64", true, respell(func(text []byte) { text[50] = '!' }), framing.CodeBadCiphertext},
		{"base64 of another alphabet", true, respell(func(text []byte) { text[0] = '-' }), framing.CodeBadCiphertext},
		{"CR LF in the base64", true, respell(func(text []byte) { copy(text[76:], "\r\n") }), framing.CodeBadCiphertext},
		{"padding characters too early", true, respell(func(text []byte) { copy(text[4:], "AA==") }),
			framing.CodeBadCiphertext},
		{"30 bytes in the last block", true, respell(func(text []byte) { copy(text[len(text)-4:], "AA==") }),
			framing.CodeBadCiphertext},
		{"33 bytes in the last block", true, func(m *parcel) {
			*m = sealed("a.txt", content[:10])
			m.body[len(m.body)-1] = 'A' // where the "=" was
		}, framing.CodeBadCiphertext},
		{"padding of 0", true, enciphered(make([]byte, 96)), framing.CodeBadCiphertext},
		{"padding of 33", true, enciphered(bytes.Repeat([]byte{33}, 96)), framing.CodeBadCiphertext},
		{"unequal padding", true, enciphered(append(make([]byte, 94), 1, 2)), framing.CodeBadCiphertext},
		{"another key", true, func(m *parcel) { rand.Read(m.body[:cipher2012.KeySize]) }, framing.CodeBadCiphertext},
		{"valid padding, too few bytes", true, enciphered(append(make([]byte, 64), bytes.Repeat([]byte{32}, 32)...)),
			framing.CodeMismatch},
		{"valid padding, too many bytes", true, enciphered(append(make([]byte, 95), 1)), framing.CodeMismatch},
		{"the key alone", true, func(m *parcel) { m.body = m.body[:cipher2012.KeySize] }, framing.CodeMismatch},
		{"not even the key", true, func(m *parcel) { m.body = m.body[:cipher2012.KeySize-1] }, framing.CodeMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			m := plain("a.txt", content)
			if test.sealed {
				m = sealed("a.txt", content)
			}
			test.change(&m)
			p := s.connect(t)
			p.write(p.whole(m))
			p.wantRefusal(0, test.code)
			p.deliver(sealed("good.txt", []byte("same connection")))
			s.wantRefused(t, test.code)
			s.goesOn(t)
			s.wantFiles(t, 3)
		})
	}
}

// A cancelled body is not a message, wherever it ends.
func TestCancel(t *testing.T) {
	t.Parallel()
	m := plain("a.txt", bytes.Repeat([]byte("c"), 1000))
	for _, test := range []struct {
		name string
		sent int
	}{{"at once", 0}, {"halfway", 500}, {"after the last byte", 1000}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			p := s.connect(t)
			p.write(framing.Append(appendData(p.offer(m), m.body[:test.sent]), framing.TypeCancel, nil))
			p.wantRefusal(0, framing.CodeCancelled)
			s.wantRefused(t, framing.CodeCancelled)
			p.deliver(m) // the id is free: nothing was kept
			s.goesOn(t)
			s.wantFiles(t, 3)
		})
	}
}

// Half a message and then the end of its connection leaves nothing behind.
func TestHalfMessage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(t *testing.T, p *peer)
	}{
		{"close", func(t *testing.T, p *peer) { check(t, p.conn.NetConn().Close()) }},
		{"reset", func(t *testing.T, p *peer) { p.reset() }},
		{"close_notify", func(t *testing.T, p *peer) {
			check(t, p.conn.CloseWrite())
			p.wantCut()
		}},
		{"half a record", func(t *testing.T, p *peer) {
			p.write([]byte{byte(framing.TypeData), 0, 0, 0, 9, 'x'})
			check(t, p.conn.CloseWrite())
			p.wantCut()
		}},
	} {
		for _, large := range []int{1000, framing.InitialWindow + 1000} {
			name := test.name
			if large > framing.InitialWindow {
				name += " of a large one"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := start(t, options{})
				p := s.connect(t)
				m := plain("a.txt", make([]byte, large))
				p.write(appendData(p.offer(m), m.body[:500]))
				if large > framing.InitialWindow {
					p.want(framing.TypeAccept)
				}
				test.end(t, p)
				s.wantClosed(t, "connection lost")
				s.wantFiles(t, 0)
				s.connect(t).deliver(m)
				s.goesOn(t)
				s.wantFiles(t, 3)
			})
		}
	}
}

// reset ends the connection with a TCP reset.
func (p *peer) reset() {
	p.t.Helper()
	raw := p.conn.NetConn()
	check(p.t, raw.(interface{ SetLinger(int) error }).SetLinger(0))
	check(p.t, raw.Close())
}

// An end between messages, or before the first, is not a fault.
func TestCleanEnd(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.connect(t)
	p.deliver(plain("a.txt", []byte("a")))
	check(t, p.conn.Close())
	check(t, s.connect(t).conn.Close())
	check(t, s.dialRaw(t, s.addr, "").Close())
	s.logs.wait(t, 3, fields{"message": "client left"})
	if n := s.logs.count(fields{"message": "connection closed"}); n != 0 {
		t.Error("a clean end was logged as a fault")
	}
	s.goesOn(t)
}
