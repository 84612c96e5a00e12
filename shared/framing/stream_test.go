package framing

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"

	"sealpost/shared/vectortest"
)

func sum(p []byte) [sha256.Size]byte { return sha256.Sum256(p) }

// failing reads pieces one after the other; between two of them it fails once.
type failing struct {
	pieces [][]byte
	err    error
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.pieces) == 0 {
		return 0, io.EOF
	}
	if len(f.pieces[0]) == 0 {
		f.pieces = f.pieces[1:]
		return 0, f.err
	}
	n := copy(p, f.pieces[0])
	f.pieces[0] = f.pieces[0][n:]
	return n, nil
}

// TestFailedStaysFailed: whatever a Reader failed with, it never returns another
// record, although the stream would go on with good ones.
func TestFailedStaysFailed(t *testing.T) {
	good := append(Append(nil, TypeEnd, nil), AppendAccept(nil, Accept{Ref: 1})...)
	broken := errors.New("broken line")
	for name, test := range map[string]struct {
		first []byte
		fault error
		want  error
	}{
		"clean end":           {nil, io.EOF, io.EOF},
		"line broken between": {nil, broken, broken},
		"end in a header":     {good[:2], io.EOF, io.ErrUnexpectedEOF},
		"line broken in it":   {good[:2], broken, broken},
		"end in a payload":    {AppendHello(nil, "token")[:7], io.EOF, io.ErrUnexpectedEOF},
		"line broken there":   {AppendHello(nil, "token")[:7], broken, broken},
		"end in a large one":  {Append(nil, TypeData, make([]byte, MaxData))[:9000], io.EOF, io.ErrUnexpectedEOF},
		"broken in a large":   {Append(nil, TypeData, make([]byte, MaxData))[:9000], broken, broken},
		"unknown type":        {[]byte{0, 0, 0, 0, 0}, broken, &Error{0, "unknown type"}},
		"length over maximum": {[]byte{byte(TypeAccept), 0, 0, 0, 13}, broken,
			&Error{TypeAccept, "declared length 13 is over the maximum of 12"}},
		"DATA without a byte": {[]byte{byte(TypeData), 0, 0, 0, 0}, broken, &Error{TypeData, "it is empty"}},
		"unknown, goes on":    {append([]byte{0, 0, 0, 0, 0}, good...), broken, &Error{0, "unknown type"}},
		"too long, goes on": {append([]byte{byte(TypeEnd), 0, 0, 0, 1}, good...), broken,
			&Error{TypeEnd, "declared length 1 is over the maximum of 0"}},
		"empty DATA, goes on": {append([]byte{byte(TypeData), 0, 0, 0, 0}, good...), broken,
			&Error{TypeData, "it is empty"}},
		"good, then a lost end": {append(AppendAccept(nil, Accept{Ref: 3}), good[:4]...), io.EOF, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewReader(&failing{pieces: [][]byte{bytes.Clone(test.first), bytes.Clone(good)}, err: test.fault})
			rec, err := in.Next()
			if err == nil {
				rec, err = in.Next()
			}
			for range 3 {
				if !sameError(err, test.want) || rec.Type != 0 || rec.Payload != nil {
					t.Fatalf("got %v and %v, want %v", rec, err, test.want)
				}
				rec, err = in.Next()
			}
		})
	}
}

// TestLookalike: no bytes of a message end it early, however they are cut into
// DATA records and however the stream arrives.
func TestLookalike(t *testing.T) {
	whole := AppendOffer(nil, Offer{Ref: 1, Name: "inner"})
	whole = append(Append(whole, TypeData, []byte("inner")), Append(nil, TypeEnd, nil)...)
	for name, content := range map[string][]byte{
		"END":              Append(nil, TypeEnd, nil),
		"CANCEL":           Append(nil, TypeCancel, nil),
		"many ENDs":        bytes.Repeat(Append(nil, TypeEnd, nil), 50),
		"a message":        whole,
		"CLOSE":            AppendClose(nil, Close{CodeShuttingDown, "bye"}),
		"RECEIPT":          AppendReceipt(nil, Receipt{0, []byte("all is well")}),
		"half a header":    {byte(TypeEnd), 0, 0},
		"4 GiB declared":   {byte(TypeData), 0xff, 0xff, 0xff, 0xff},
		"zeros":            make([]byte, 100),
		"lines":            []byte("\r\n.\r\n-----\nENCRYPTED MESSAGE CONTENT\n-----\n"),
		"END in a message": append([]byte("text"), Append([]byte{0}, TypeEnd, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			for split := range len(content) {
				stream := AppendOffer(nil, Offer{Name: "outer"})
				if split > 0 {
					stream = Append(stream, TypeData, content[:split])
				}
				stream = Append(stream, TypeData, content[split:])
				stream = Append(stream, TypeEnd, nil)
				for how, r := range map[string]io.Reader{
					"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
				} {
					if got := body(t, r); !bytes.Equal(got, content) {
						t.Fatalf("cut at byte %d, %s: got %x, want %x", split, how, got, content)
					}
				}
			}
		})
	}
}

// body reads a stream of one OFFER, its DATA and END, and nothing behind it.
func body(t *testing.T, r io.Reader) (content []byte) {
	t.Helper()
	all, err := readAll(r)
	if err != io.EOF || len(all) < 3 || all[0].typ != TypeOffer || all[len(all)-1].typ != TypeEnd {
		t.Fatalf("read %d records and %v", len(all), err)
	}
	for _, rec := range all[1 : len(all)-1] {
		if rec.typ != TypeData {
			t.Fatalf("%s inside the message", rec.typ)
		}
		content = append(content, rec.payload...)
	}
	return content
}

// TestDeclaredLength: a header that is refused costs no buffer, whatever length
// it declares, and neither does a short payload that has not come yet.
func TestDeclaredLength(t *testing.T) {
	streams := map[string][]byte{
		"a byte that does not come":    {byte(TypeHello), 0, 0, 0, 1},
		"200 bytes that do not come":   {byte(TypeHello), 0, 0, 0, 200},
		"a short one that comes whole": AppendHello(nil, "token"),
	}
	for _, v := range vectortest.Read(t, vectorDir) {
		if expect := v.Header["expect"]; expect == "length" || expect == "unknown" {
			streams[v.Name] = v.Body
		}
	}
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			const most = 2 * readBuffer // a Reader itself has one buffer
			if bytes, buffers := allocated(stream); bytes > most || buffers > 0 {
				t.Errorf("allocated %d bytes and took %d buffers, want at most %d and none", bytes, buffers, most)
			}
		})
	}
}

// allocated returns how many bytes one reading of stream allocates, and how
// often it took a buffer from an empty pool.
func allocated(stream []byte) (bytesEach uint64, buffers int) {
	const runs = 20
	fresh := payloads.New
	defer func() { payloads.New = fresh }()
	payloads.New = func() any { buffers++; return fresh() }
	runtime.GC() // twice: what is in a pool survives the first
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		in := NewReader(bytes.NewReader(stream))
		for {
			if _, err := in.Next(); err != nil {
				break
			}
		}
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs, buffers
}

// TestPayloadLives: a payload stays as it is until the next call.
func TestPayloadLives(t *testing.T) {
	large := bytes.Repeat([]byte("l"), readBuffer+1)
	stream := Append(AppendHello(nil, "first"), TypeData, large)
	stream = AppendHello(stream, "third")
	in := NewReader(iotest.HalfReader(bytes.NewReader(stream)))
	for _, want := range [][]byte{[]byte("first"), large, []byte("third")} {
		rec, err := in.Next()
		if err != nil || !bytes.Equal(rec.Payload, want) {
			t.Fatalf("got %.20q and %v, want %.20q", rec.Payload, err, want)
		}
		_ = append(rec.Payload, "overwritten"...) // must not reach what follows
	}
}

// TestAppendLimits: the largest payload of each type can be made and read, one
// byte more is a panic.
func TestAppendLimits(t *testing.T) {
	for typ, limit := range maxPayload {
		stream := Append(nil, typ, make([]byte, limit))
		all, err := readAll(bytes.NewReader(stream))
		if err != io.EOF || len(all) != 1 || len(all[0].payload) != int(limit) {
			t.Errorf("%s of %d bytes: read %d records and %v", typ, limit, len(all), err)
		}
		mustPanic(t, fmt.Sprintf("%s of %d bytes", typ, limit+1), func() { Append(nil, typ, make([]byte, limit+1)) })
	}
	mustPanic(t, "unknown type", func() { Append(nil, 0, nil) })
	mustPanic(t, "empty DATA", func() { Append(nil, TypeData, nil) })
	for _, n := range []int{0, -1, MaxData + 1, math.MinInt} {
		mustPanic(t, fmt.Sprintf("DATA header for %d bytes", n), func() { AppendDataHeader(nil, n) })
	}
}

func mustPanic(t *testing.T, what string, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	do()
}
