package receipt_test

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/numbers"
	"sealpost/shared/vectortest"
)

const retiredDir = "testdata/retired"

func someRetired(t testing.TB, serial uint64, text string) receipt.Retired {
	t.Helper()
	n, err := numbers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Retired{Origin: receipt.RetiredOrigin(logbookID), Serial: serial, Numbers: n}
}

func TestRetiredVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, retiredDir) {
		t.Run(v.Name, func(t *testing.T) {
			want := expectation(t, v)
			r, err := receipt.OpenRetired(v.Body, vectorPins(t, v))
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("OpenRetired: %v, want %v", err, want)
			}
			if want != nil {
				if r.Origin != "" || !r.Numbers.Empty() {
					t.Errorf("%+v together with an error", r)
				}
				return
			}
			var listed []string
			for _, one := range r.Numbers.Ranges() {
				listed = append(listed, strconv.FormatUint(one.First, 10)+"-"+strconv.FormatUint(one.Last, 10))
			}
			if r.Serial != number(t, v, "serial") || strings.Join(listed, ",") != v.Header["numbers"] {
				t.Errorf("serial %d, %v", r.Serial, r.Numbers)
			}
			checkRetired(t, v.Body, r)
		})
	}
}

// checkRetired: a note has one spelling up to its signatures.
func checkRetired(t *testing.T, text []byte, r receipt.Retired) {
	t.Helper()
	id, _ := generate(t)
	again, err := receipt.SignRetired(r, id)
	if err != nil {
		t.Fatal(err)
	}
	spelling, _, _ := bytes.Cut(again, []byte("\n\n"))
	if have, _, _ := bytes.Cut(text, []byte("\n\n")); !bytes.Equal(have, spelling) {
		t.Errorf("%+v is spelled\n%s\nwant\n%s", r, spelling, have)
	}
}

func TestSignRetiredRefuses(t *testing.T) {
	id, pins := generate(t)
	many := receipt.Retired{Origin: receipt.RetiredOrigin(logbookID), Serial: 1}
	for n := range uint64(receipt.MaxRanges) {
		many.Numbers.Add(numbers.One(2 * n))
	}
	text, err := receipt.SignRetired(many, id)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.OpenRetired(text, pins); err != nil || r.Numbers.Count() != receipt.MaxRanges {
		t.Errorf("the most ranges: %d, %v", r.Numbers.Count(), err)
	}
	many.Numbers.Add(numbers.One(1 << 20))
	none, beyond, serial := someRetired(t, 1, "7"), someRetired(t, 1, "7,4611686018427387903"), someRetired(t, 0, "7")
	none.Numbers.Remove(numbers.One(7))
	origin := someRetired(t, 1, "7")
	origin.Origin = receipt.Origin(logbookID)
	for _, c := range []struct {
		what string
		r    receipt.Retired
		want error
	}{
		{"too many", many, receipt.ErrRanges}, {"none", none, receipt.ErrRanges}, {"beyond", beyond, receipt.ErrRanges},
		{"serial", serial, receipt.ErrSerial}, {"a checkpoint's name", origin, identity.ErrOrigin},
	} {
		if text, err := receipt.SignRetired(c.r, id); !errors.Is(err, c.want) || text != nil {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	if _, err := receipt.SignRetired(someRetired(t, 1, "7")); !errors.Is(err, receipt.ErrUnsigned) {
		t.Errorf("nobody signs: %v", err)
	}
}

// TestRetiredIsNoCheckpoint: neither passes for the other, under whatever name.
func TestRetiredIsNoCheckpoint(t *testing.T) {
	id, pins := generate(t)
	text, err := receipt.SignRetired(someRetired(t, 3, "0-41,43"), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.OpenCheckpoint(text, pins); !errors.Is(err, receipt.ErrMalformed) {
		t.Errorf("as a checkpoint: %v", err)
	}
	c := sample(t)
	c.Origin = receipt.RetiredOrigin(logbookID)
	if text, err = receipt.SignCheckpoint(c, id); err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.OpenRetired(text, pins); !errors.Is(err, receipt.ErrMalformed) {
		t.Errorf("a checkpoint: %v", err)
	}
}

func TestRetiredFollows(t *testing.T) {
	for _, c := range []struct {
		old, next string
		serials   [2]uint64
		want      error
	}{
		{"0-41", "0-41", [2]uint64{1, 1}, nil},
		{"0-41", "0-41", [2]uint64{1, 2}, nil},
		{"0-41", "0-50", [2]uint64{1, 2}, nil},
		{"0-41,43", "0-50", [2]uint64{1, 7}, nil},
		{"0-41", "0-41", [2]uint64{2, 1}, receipt.ErrLowerSerial},
		{"0-41", "0-50", [2]uint64{2, 1}, receipt.ErrLowerSerial},
		{"0-41", "0-50", [2]uint64{2, 2}, receipt.ErrTakenBack},
		{"0-41", "0-40,42", [2]uint64{1, 2}, receipt.ErrTakenBack},
		{"0-41", "43", [2]uint64{1, 2}, receipt.ErrTakenBack},
	} {
		old, next := someRetired(t, c.serials[0], c.old), someRetired(t, c.serials[1], c.next)
		if err := next.Follows(old); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// FuzzRetired: the server itself may sign what is no note of retired messages. What
// opens is in the one spelling.
func FuzzRetired(f *testing.F) {
	id, pins := generate(f)
	for _, v := range vectortest.Read(f, retiredDir) {
		if text, _, signed := strings.Cut(string(v.Body), "\n\n"); signed && len(text) < 1<<10 {
			f.Add(text + "\n")
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		origin, _, _ := strings.Cut(text, "\n")
		signer, err := id.Signer(origin)
		if err != nil {
			return
		}
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return
		}
		r, err := receipt.OpenRetired(signed, pins)
		if err == nil {
			checkRetired(t, signed, r)
		} else if !isRefusal(err) {
			t.Fatalf("an error without a type: %v", err)
		}
	})
}
