package intake_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"testing"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
)

// FuzzSession: whatever a sender says after WELCOME, the server ends it with
// well-formed answers, at most one for each offer, and a receipt is given for
// each log file that came of it and for nothing else.
func FuzzSession(f *testing.F) {
	s := start(f, options{alone: true})
	seed := &peer{t: f, s: s}
	whole := seed.whole(plain("a.txt", []byte("Tide at nine.")))
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), seed.whole(sealed("b.txt", []byte("Tide at ten.")))...))
	f.Add(whole[:len(whole)-1])
	f.Add(append(bytes.Clone(whole), whole...))
	f.Add(framing.Append(nil, framing.TypeEnd, nil))
	f.Add(framing.AppendHello(nil, "sealpost:store-17:"))
	f.Add(framing.Append(whole[:len(whole)-framing.HeaderSize], framing.TypeCancel, nil))
	f.Fuzz(func(t *testing.T, stream []byte) {
		before, _ := s.files(t)
		p := s.connect(t)
		_, _ = p.conn.Write(stream) // the server may end it before the end
		_ = p.conn.CloseWrite()
		receipts := make(map[uint64]bool)
		answered := make(map[uint32]bool)
		for {
			rec, err := p.read()
			if err != nil {
				break
			}
			if ref, told := answerTo(t, rec); told {
				if answered[ref] {
					t.Errorf("offer %d is answered twice", ref)
				}
				answered[ref] = true
			}
			if rec.Type == framing.TypeReceipt {
				r, _ := framing.ParseReceipt(rec.Payload)
				receipts[p.open(r.Text).Seq] = true
			}
		}
		after, staged := s.files(t)
		fresh := 0
		for seq := range receipts {
			if seq >= uint64(before) {
				fresh++
			}
		}
		if after-before != fresh || staged != 0 {
			t.Errorf("%d log files more, %d staged, and %d new receipts", after-before, staged, fresh)
		}
	})
}

// answerTo returns the offer that a record answers, if it is an answer. A
// server's record that does not parse, or is a client's, fails the test.
func answerTo(t *testing.T, rec framing.Record) (ref uint32, ok bool) {
	t.Helper()
	var err error
	switch rec.Type {
	case framing.TypeAccept:
		_, err = framing.ParseAccept(rec.Payload)
	case framing.TypeReceipt:
		var r framing.Receipt
		r, err = framing.ParseReceipt(rec.Payload)
		ref, ok = r.Ref, true
	case framing.TypeRefusal:
		var r framing.Refusal
		r, err = framing.ParseRefusal(rec.Payload)
		ref, ok = r.Ref, true
	case framing.TypeClose:
		_, err = framing.ParseClose(rec.Payload)
	default:
		err = framing.Unexpected(rec.Type, "from a server")
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref, ok
}

// FuzzWire2012: a connection of the 2012 wire ends in a log file with just the
// text that was sent, or in a reset.
func FuzzWire2012(f *testing.F) {
	s := start(f, options{alone: true})
	for _, text := range []string{"", "Tide at nine.", string(make([]byte, 32)),
		"two barges in, one out, wind from the south-west"} {
		body := sealed("", []byte(text)).body
		f.Add(body)
		f.Add(body[:len(body)-4])
		f.Add(append(bytes.Clone(body), '\n'))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stream []byte) {
		before, _ := s.files(t)
		conn := s.dialRaw(t, s.addr2012, "")
		_, writeErr := conn.Write(stream)
		closeErr := conn.CloseWrite()
		_, err := io.Copy(io.Discard, conn)
		kept := errors.Join(writeErr, closeErr, err) == nil
		after, staged := s.files(t)
		var plain []byte
		good := len(stream) > framing.KeySize2012
		if good {
			plain, err = cipher2012.Decrypt(cipher2012.Key(stream[:framing.KeySize2012]), stream[framing.KeySize2012:])
			good = err == nil
		}
		if kept != good || (after > before) != good || after > before+1 || staged != 0 {
			t.Fatalf("%q: kept %t, good %t, %d log files and then %d, %d staged", stream, kept, good, before, after, staged)
		}
		if !good {
			return
		}
		name := logfile.FileName(uint64(before))
		if got := s.content(t, name); sha256.Sum256(got) != sha256.Sum256(plain) {
			t.Fatalf("%s holds %s", name, strconv.Quote(string(got)))
		}
	})
}
