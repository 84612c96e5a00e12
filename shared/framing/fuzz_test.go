package framing

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"sealpost/shared/vectortest"
)

// maxSeed keeps the largest vectors out: they slow the search down, and
// TestVectors reads them anyway.
const maxSeed = 8 << 10

// FuzzReader: what a Reader takes from a stream encodes to the same bytes, what
// is left explains the error, and how the stream arrives changes nothing.
func FuzzReader(f *testing.F) {
	seeds := 0
	for _, v := range vectortest.Read(f, vectorDir) {
		if len(v.Body) <= maxSeed {
			f.Add(v.Body)
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no vector to start from")
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		all, end := readAll(bytes.NewReader(stream))
		var again []byte
		for _, rec := range all {
			again = Append(again, rec.typ, rec.payload)
		}
		rest, ok := bytes.CutPrefix(stream, again)
		if !ok {
			t.Fatalf("encoded again: %x", again)
		}
		var breach *Error
		switch {
		case end == io.EOF && len(rest) == 0, end == io.ErrUnexpectedEOF && len(rest) > 0:
		case errors.As(end, &breach) && len(rest) >= HeaderSize && breach.Type == Type(rest[0]):
		default:
			t.Fatalf("%v with %d bytes left", end, len(rest))
		}
		slow, slowEnd := readAll(iotest.OneByteReader(bytes.NewReader(stream)))
		if !slices.EqualFunc(slow, all, equalRaw) || !sameError(slowEnd, end) {
			t.Fatalf("byte by byte: %d records and %v, else %d and %v", len(slow), slowEnd, len(all), end)
		}
	})
}

// fuzzPayload: a payload of that type is refused with an *Error, or encodes to
// the same bytes after parsing.
func fuzzPayload(f *testing.F, typ Type) {
	seeds := 0
	for _, v := range vectortest.Read(f, vectorDir) {
		all, _ := readAll(bytes.NewReader(v.Body))
		for _, rec := range all {
			if rec.typ == typ && len(rec.payload) <= maxSeed {
				f.Add(rec.payload)
				seeds++
			}
		}
	}
	if seeds == 0 {
		f.Fatalf("no vector has a record of type %s", typ)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > int(maxPayload[typ]) {
			return // no Reader returns it
		}
		_, again, err := decode(raw{typ, payload})
		var breach *Error
		switch {
		case err == nil && !bytes.Equal(again[HeaderSize:], payload):
			t.Errorf("encoded again: %x", again[HeaderSize:])
		case err != nil && (!errors.As(err, &breach) || breach.Type != typ):
			t.Errorf("refused with %v", err)
		}
	})
}

func FuzzParseOffer(f *testing.F)   { fuzzPayload(f, TypeOffer) }
func FuzzParseWelcome(f *testing.F) { fuzzPayload(f, TypeWelcome) }
func FuzzParseAccept(f *testing.F)  { fuzzPayload(f, TypeAccept) }
func FuzzParseReceipt(f *testing.F) { fuzzPayload(f, TypeReceipt) }
func FuzzParseRefusal(f *testing.F) { fuzzPayload(f, TypeRefusal) }
func FuzzParseClose(f *testing.F)   { fuzzPayload(f, TypeClose) }
