package intake_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// An offer that cannot be is refused before its body; the connection stays in
// step and goes on.
func TestBadOffer(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	named := func(name string) func(*parcel) { return func(m *parcel) { m.Name = name } }
	for _, test := range []struct {
		name   string
		change func(*parcel)
		code   framing.Code
		says   string // the rule, to the client
	}{
		{"no name", named(""), framing.CodeBadOffer, "must not be empty"},
		{"line feed in the name", named("a\nb"), framing.CodeBadOffer, "must not contain U+000A"},
		{"escape in the name", named("a\x1b[2Jb"), framing.CodeBadOffer, "must not contain U+001B"},
		{"NUL in the name", named("a\x00b"), framing.CodeBadOffer, "must not contain U+0000"},
		{"line separator in the name", named("a\u2028b"), framing.CodeBadOffer, "must not contain U+2028"},
		{"reversed order in the name", named("gpj.\u202etxt.exe"), framing.CodeBadOffer, "must not contain U+202E"},
		{"name is not UTF-8", named("a\xffb"), framing.CodeBadOffer, "the message name must be UTF-8"},
		{"unknown cipher", func(m *parcel) { m.Cipher = 7 }, framing.CodeBadOffer, "only 0 and 1 are"},
		{"encrypted size without a cipher", func(m *parcel) { m.EncryptedSize = 44 }, framing.CodeBadOffer,
			"44 does not belong to size 7, 0 does"},
		{"no encrypted size", func(m *parcel) { m.Cipher = framing.Cipher2012 }, framing.CodeBadOffer,
			"0 does not belong to size 7, 44 does"},
		{"wrong encrypted size", func(m *parcel) { m.Cipher, m.EncryptedSize = framing.Cipher2012, 48 }, framing.CodeBadOffer,
			"48 does not belong to size 7, 44 does"},
		{"one byte over the limit", func(m *parcel) { m.Size = limit + 1 }, framing.CodeTooLarge,
			"at most 1048576 are taken"},
		{"a size that cannot be", func(m *parcel) { m.Size = math.MaxUint64 }, framing.CodeTooLarge,
			"at most 1048576 are taken"},
		{"too large and enciphered", func(m *parcel) { m.Size, m.Cipher = math.MaxUint64-7, framing.Cipher2012 },
			framing.CodeTooLarge, "at most 1048576 are taken"},
		{"no room", func(m *parcel) { m.Size = limit / 2 }, framing.CodeNoSpace, "try again later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{limits: intake.Limits{Message: limit}, volume: local.Config{MaxStaged: limit / 4}})
			m := plain("a.txt", []byte("content"))
			test.change(&m)
			p := s.connect(t)
			p.write(p.offer(m))
			if r := p.wantRefusal(0, test.code); !strings.Contains(r.Reason, test.says) { // and no ACCEPT before it
				t.Errorf("the client hears %q, not %q", r.Reason, test.says)
			}
			p.write(framing.Append(nil, framing.TypeCancel, nil))
			p.deliver(plain("good.txt", []byte("same connection")))
			s.wantRefused(t, test.code)
			s.logs.wait(t, 1, fields{"message": "message refused", "name": message.Visible(m.Name),
				"id": hex.EncodeToString(m.ID[:])})
			s.logs.wait(t, 1, fields{"message": "message received from store-17", "name": "good.txt"})
			s.goesOn(t)
			s.wantFiles(t, 3)
		})
	}
}

// What just fits is taken.
func TestGoodOffer(t *testing.T) {
	t.Parallel()
	const limit = 300 << 10
	s := start(t, options{limits: intake.Limits{Message: limit}})
	p := s.connect(t)
	p.deliver(plain(string(bytes.Repeat([]byte("n"), framing.MaxName)), []byte("longest name")))
	p.deliver(plain("a/b \\ äöü 漢字 \"quoted\" <tag> & more", []byte("a name is not a path")))
	p.deliver(plain("limit.bin", make([]byte, limit)))
	p.deliver(sealed("limit.bin", make([]byte, limit)))
	s.wantFiles(t, 4)
}

// After a refusal the peer may send what was under way, up to the window.
func TestBodyAfterRefusal(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Message: 1 << 10}})
	p := s.connect(t)
	large := plain("large.bin", make([]byte, framing.InitialWindow))
	p.write(p.whole(large))
	p.wantRefusal(0, framing.CodeTooLarge)
	p.deliver(plain("good.txt", []byte("in step")))

	p.write(appendData(p.offer(large), make([]byte, framing.InitialWindow+1)))
	p.wantRefusal(2, framing.CodeTooLarge)
	p.wantClose(framing.CodeProtocol)
	s.wantClosed(t, "protocol error")
	s.goesOn(t)
}

// A name that is longer than its record ends the connection, which says why.
func TestNameTooLong(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.connect(t)
	p.write([]byte{byte(framing.TypeOffer), 0, 0, 1, 69}) // a header alone, of 325 bytes: no client of ours gets so far
	if c := p.wantClose(framing.CodeProtocol); !strings.Contains(c.Reason, "a message name has at most 255 bytes") {
		t.Errorf("the client hears %q", c.Reason)
	}
	s.wantClosed(t, "protocol error")
}
