package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"sealpost/shared/vectortest"
)

const vectorDir = "testdata/vectors"

// raw is one record as the stream holds it.
type raw struct {
	typ     Type
	payload []byte
}

// readAll reads records to the end of the stream, or to the first error.
func readAll(r io.Reader) (all []raw, err error) {
	in := NewReader(r)
	for {
		rec, err := in.Next()
		if err != nil {
			return all, err
		}
		all = append(all, raw{rec.Type, bytes.Clone(rec.Payload)})
	}
}

func equalRaw(a, b raw) bool { return a.typ == b.typ && bytes.Equal(a.payload, b.payload) }

// decode takes a record apart and puts it together again. says is the text that
// the vectors have for it.
func decode(rec raw) (says string, again []byte, err error) {
	p := rec.payload
	switch rec.typ {
	case TypeHello:
		return fmt.Sprintf("HELLO token=%+q", p), AppendHello(nil, string(p)), nil
	case TypeData:
		says = fmt.Sprintf("DATA bytes=%d sha256=%x", len(p), sum(p))
		return says, append(AppendDataHeader(nil, len(p)), p...), nil
	case TypeEnd, TypeCancel:
		return rec.typ.String(), Append(nil, rec.typ, nil), nil
	case TypeOffer:
		o, err := ParseOffer(p)
		if err != nil {
			return "", nil, err
		}
		says = fmt.Sprintf("OFFER ref=%d id=%x cipher=%d size=%d encrypted_size=%d sha256=%x name=%+q",
			o.Ref, o.ID, o.Cipher, o.Size, o.EncryptedSize, o.SHA256, o.Name)
		return says, AppendOffer(nil, o), nil
	}
	return decodeAnswer(rec)
}

func decodeAnswer(rec raw) (says string, again []byte, err error) {
	switch rec.typ {
	case TypeWelcome:
		w, err := ParseWelcome(rec.payload)
		if err != nil {
			return "", nil, err
		}
		says = fmt.Sprintf("WELCOME max_message=%d window=%d in_flight=%d logbook=%+q",
			w.MaxMessage, w.Window, w.MaxInFlight, w.LogbookID)
		return says, AppendWelcome(nil, w), nil
	case TypeAccept:
		a, err := ParseAccept(rec.payload)
		if err != nil {
			return "", nil, err
		}
		return fmt.Sprintf("ACCEPT ref=%d offset=%d", a.Ref, a.Offset), AppendAccept(nil, a), nil
	case TypeReceipt:
		r, err := ParseReceipt(rec.payload)
		if err != nil {
			return "", nil, err
		}
		return fmt.Sprintf("RECEIPT ref=%d text=%+q", r.Ref, r.Text), AppendReceipt(nil, r), nil
	case TypeRefusal:
		r, err := ParseRefusal(rec.payload)
		if err != nil {
			return "", nil, err
		}
		says = fmt.Sprintf("REFUSAL ref=%d code=0x%04x reason=%+q", r.Ref, uint16(r.Code), r.Reason)
		if r.Code == CodeOverQuota {
			after, _ := r.RetryAfter()
			says += fmt.Sprintf(" retry_after=%d", after/time.Second)
		}
		return says, AppendRefusal(nil, r), nil
	case TypeClose:
		c, err := ParseClose(rec.payload)
		if err != nil {
			return "", nil, err
		}
		return fmt.Sprintf("CLOSE code=0x%04x reason=%+q", uint16(c.Code), c.Reason), AppendClose(nil, c), nil
	}
	return "", nil, fmt.Errorf("the reader returned %s", rec.typ)
}

// TestVectors puts every vector through decoding and encoding again, and its
// stream through a Reader, whole and cut at every byte.
func TestVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, vectorDir) {
		t.Run(v.Name, func(t *testing.T) {
			all, end := readAll(bytes.NewReader(v.Body))
			good, bad := all, error(nil)
			if v.Header["expect"] == "malformed" && len(all) > 0 {
				good = all[:len(all)-1]
				_, _, bad = decode(all[len(all)-1])
			}
			checkRecords(t, v, good)
			checkOutcome(t, v, end, bad)
			checkCuts(t, v.Body, all, end)
		})
	}
}

// checkRecords: what the records say, and that they encode to the same bytes.
func checkRecords(t *testing.T, v vectortest.Vector, records []raw) {
	t.Helper()
	var again []byte
	for i, rec := range records {
		says, encoded, err := decode(rec)
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if want := v.Header[fmt.Sprintf("record %d", i)]; says != want {
			t.Errorf("record %d says\n%s\nwant\n%s", i, says, want)
		}
		again = append(again, encoded...)
	}
	if next, more := v.Header[fmt.Sprintf("record %d", len(records))]; more {
		t.Errorf("record %d is missing: %s", len(records), next)
	}
	if !bytes.HasPrefix(v.Body, again) {
		t.Errorf("encoded again: %x\nwant a start of %x", again, v.Body)
	}
}

// checkOutcome: end is how the stream ended, bad why its last record does not
// parse.
func checkOutcome(t *testing.T, v vectortest.Vector, end, bad error) {
	t.Helper()
	var breach *Error
	switch expect := v.Header["expect"]; expect {
	case "end":
		if end != io.EOF {
			t.Errorf("ended with %v, want %v", end, io.EOF)
		}
	case "truncated":
		if end != io.ErrUnexpectedEOF {
			t.Errorf("ended with %v, want %v", end, io.ErrUnexpectedEOF)
		}
	case "malformed":
		if !errors.As(bad, &breach) || end != io.EOF {
			t.Fatalf("parsed with %v, ended with %v", bad, end)
		}
	case "unknown", "length":
		if !errors.As(end, &breach) {
			t.Fatalf("ended with %v", end)
		}
		if _, known := maxPayload[breach.Type]; known != (expect == "length") {
			t.Errorf("%v, want %s", breach, expect)
		}
	default:
		t.Fatalf("unknown expectation %q", expect)
	}
	if breach != nil && fmt.Sprintf("0x%02x", uint8(breach.Type)) != v.Header["type"] {
		t.Errorf("refused type 0x%02x, want %s", uint8(breach.Type), v.Header["type"])
	}
}

// checkCuts ends the stream at every byte, and delivers it in two pieces that
// meet there. Where the whole stream gives all and end, a part must give the
// records that are complete in it and an end that says what is missing.
func checkCuts(t *testing.T, stream []byte, all []raw, end error) {
	t.Helper()
	for _, cut := range cuts(len(stream)) {
		got, err := readAll(bytes.NewReader(stream[:cut]))
		complete, want := expectAt(cut, all, end)
		if !slices.EqualFunc(got, all[:complete], equalRaw) || !sameError(err, want) {
			t.Errorf("cut at byte %d: %d records and %v, want %d and %v", cut, len(got), err, complete, want)
		}
		got, err = readAll(io.MultiReader(bytes.NewReader(stream[:cut]), bytes.NewReader(stream[cut:])))
		if !slices.EqualFunc(got, all, equalRaw) || !sameError(err, end) {
			t.Errorf("two pieces, %d bytes first: %d records and %v, want %d and %v", cut, len(got), err, len(all), end)
		}
	}
	got, err := readAll(iotest.OneByteReader(bytes.NewReader(stream)))
	if !slices.EqualFunc(got, all, equalRaw) || !sameError(err, end) {
		t.Errorf("byte by byte: %d records and %v, want %d and %v", len(got), err, len(all), end)
	}
}

// cuts are all places from 0 to n; of a long stream those near either end, and
// some of the others.
func cuts(n int) []int {
	const near, step = 600, 509
	var all []int
	for cut := 0; cut <= n; cut++ {
		if cut < near || cut > n-near || cut%step == 0 {
			all = append(all, cut)
		}
	}
	return all
}

// expectAt returns how many records are complete in the first cut bytes, and
// how a stream of these must end.
func expectAt(cut int, all []raw, end error) (complete int, want error) {
	left := cut
	for complete < len(all) && left >= HeaderSize+len(all[complete].payload) {
		left -= HeaderSize + len(all[complete].payload)
		complete++
	}
	var breach *Error
	switch {
	case left == 0:
		return complete, io.EOF
	case complete == len(all) && errors.As(end, &breach) && left >= HeaderSize:
		return complete, end // the header alone decides
	}
	return complete, io.ErrUnexpectedEOF
}

// sameError compares errors of a Reader: bare ones, or breaches of the grammar.
func sameError(a, b error) bool {
	var x, y *Error
	if errors.As(a, &x) && errors.As(b, &y) {
		return *x == *y
	}
	return a == b
}
