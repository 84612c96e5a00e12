package intake_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"sealpost/shared/framing"
)

// fourGiB is a record of a type with the largest length that can be declared.
func fourGiB(kind framing.Type) []byte { return []byte{byte(kind), 0xff, 0xff, 0xff, 0xff} }

// A record that breaks the grammar ends its connection with a typed CLOSE.
func TestGrammar(t *testing.T) {
	t.Parallel()
	small := plain("small.txt", []byte("small"))
	badRef := func(ref uint32) []byte {
		o := small.Offer
		o.Ref = ref
		return framing.AppendOffer(nil, o)
	}
	longName := framing.AppendOffer(nil, framing.Offer{Name: strings.Repeat("n", framing.MaxName)})
	binary.BigEndian.PutUint32(longName[1:], uint32(len(longName)-framing.HeaderSize+1))
	longName = append(longName, 'n')

	for _, test := range []struct {
		name  string
		login bool
		bytes []byte
	}{
		{"garbage before HELLO", false, []byte("GET / HTTP/1.1\r\n\r\n")},
		{"4 GiB before HELLO", false, fourGiB(framing.TypeHello)},
		{"HELLO missing", false, badRef(0)},
		{"HELLO too long", false, []byte{byte(framing.TypeHello), 0, 0, 1, 1}},
		{"DATA before HELLO", false, appendData(nil, []byte("early"))},

		{"garbage", true, []byte("\x00\x01\x02\x03\x04\x05\x06\x07")},
		{"4 GiB of DATA", true, fourGiB(framing.TypeData)},
		{"4 GiB of OFFER", true, fourGiB(framing.TypeOffer)},
		{"4 GiB of DATA in a body", true, append(badRef(0), fourGiB(framing.TypeData)...)},
		{"DATA of one byte over the maximum", true, []byte{byte(framing.TypeData), 0, 1, 0, 1}},
		{"END with a payload", true, append(badRef(0), byte(framing.TypeEnd), 0, 0, 0, 1, 0)},
		{"unknown type", true, []byte{0x42, 0, 0, 0, 0}},
		{"a record of the server's", true, framing.AppendAccept(nil, framing.Accept{})},
		{"HELLO twice", true, framing.AppendHello(nil, "again")},
		{"DATA without OFFER", true, appendData(nil, []byte("orphan"))},
		{"END without OFFER", true, framing.Append(nil, framing.TypeEnd, nil)},
		{"CANCEL without OFFER", true, framing.Append(nil, framing.TypeCancel, nil)},
		{"OFFER too short", true, framing.Append(nil, framing.TypeOffer, make([]byte, 68))},
		{"OFFER with too long a name", true, longName},
		{"first OFFER with number 1", true, badRef(1)},
		{"OFFER inside a body", true, append(badRef(0), badRef(1)...)},
		{"HELLO inside a body", true, framing.AppendHello(badRef(0), "again")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			p := s.dial(t)
			if test.login {
				p.login()
			}
			p.write(test.bytes)
			p.wantClose(framing.CodeProtocol)
			s.wantClosed(t, "protocol error")
			s.goesOn(t)
			s.wantFiles(t, 2)
		})
	}
}

// A peer that is still sending hears why the connection ends: what it has sent
// must not turn the end into a reset that overtakes the CLOSE.
func TestCloseIsHeard(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.connect(t)
	p.write(append(framing.AppendHello(nil, "again"), appendData(nil, make([]byte, 1<<20))...))
	p.wantClose(framing.CodeProtocol)
	s.wantClosed(t, "protocol error")
	s.goesOn(t)
}

// The second offer's number must follow the first's.
func TestNumberOutOfStep(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.connect(t)
	p.deliver(plain("first.txt", []byte("first")))
	p.next = 0
	p.write(p.offer(plain("second.txt", []byte("second"))))
	p.wantClose(framing.CodeProtocol)
	s.wantClosed(t, "protocol error")
	s.goesOn(t)
}

// wantFiles checks that so many log files exist, and that nothing is left of
// messages that did not become one.
func (s *server) wantFiles(t *testing.T, want int) {
	t.Helper()
	if kept, staged := s.files(t); kept != want || staged != 0 {
		t.Errorf("there are %d log files instead of %d, and %d staged ones", kept, want, staged)
	}
}
