package receipt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/vectortest"
)

const (
	receiptDir    = "testdata/receipts"
	checkpointDir = "testdata/checkpoints"
)

var expected = map[string]error{
	"success":   nil,
	"malformed": receipt.ErrMalformed,
	"signature": receipt.ErrSignature,
	"proof":     receipt.ErrProof,
}

func expectation(t *testing.T, v vectortest.Vector) error {
	t.Helper()
	want, known := expected[v.Header["expect"]]
	if !known {
		t.Fatalf("unknown expectation %q", v.Header["expect"])
	}
	return want
}

func vectorPins(tb testing.TB, v vectortest.Vector) identity.Pins {
	tb.Helper()
	pins, err := identity.ParsePins(v.Header["pin"])
	if err != nil {
		tb.Fatalf("%s: %v", v.Name, err)
	}
	return pins
}

// number reads a number of a vector's header.
func number(t *testing.T, v vectortest.Vector, key string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(v.Header[key], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReceiptVectors opens every vector, makes what opens again from its parts,
// and reads the manifest line in it.
func TestReceiptVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, receiptDir) {
		t.Run(v.Name, func(t *testing.T) {
			want, pins := expectation(t, v), vectorPins(t, v)
			verifier := receipt.NewVerifier(pins)
			opened, err := receipt.Open(v.Body, pins)
			for range 2 {
				if _, again := verifier.Open(v.Body); !errors.Is(again, want) || (again == nil) != (err == nil) {
					t.Errorf("a Verifier: %v, want %v", again, want)
				}
			}
			switch {
			case !errors.Is(err, want) || (err == nil) != (want == nil):
				t.Fatalf("Open: %v, want %v", err, want)
			case want == nil:
				checkOpened(t, v, opened)
				checkAgain(t, v.Body, opened)
			case opened.Line != nil || opened.Signed != nil || opened.Checkpoint != (receipt.Checkpoint{}):
				t.Error("Open returned something together with an error")
			}
		})
	}
}

// TestSizeOfAReceipt: at a million messages it is small enough to be kept beside
// each of them.
func TestSizeOfAReceipt(t *testing.T) {
	const most = 2200
	for _, v := range vectortest.Read(t, receiptDir) {
		if v.Name == "good-million" && len(v.Body) <= most {
			return
		}
	}
	t.Errorf("no receipt of at most %d bytes in a tree of a million", most)
}

func checkOpened(t *testing.T, v vectortest.Vector, o receipt.Opened) {
	t.Helper()
	c := o.Checkpoint
	if o.Index != number(t, v, "index") || c.Size != number(t, v, "size") || c.Root.String() != v.Header["root"] {
		t.Errorf("index %d, size %d, root %s", o.Index, c.Size, c.Root)
	}
	if o.Origin != c.Origin || o.Origin != vectorPins(t, v)[0].Origin {
		t.Errorf("origin %s, checkpoint of %s", o.Origin, c.Origin)
	}
	if sum := sha256.Sum256(o.Line); hex.EncodeToString(sum[:]) != v.Header["line_sha256"] {
		t.Errorf("line %q", o.Line)
	}
	entry, err := logfile.OfReceipt(o)
	if (err == nil) != (v.Header["entry"] == "yes") || err == nil && entry.Seq != o.Index {
		t.Errorf("entry %+v, %v", entry, err)
	}
}

// checkAgain: a receipt has one spelling. The proof is the one part that Open
// checks and does not return, so it is cut out.
func checkAgain(t *testing.T, text []byte, o receipt.Opened) {
	t.Helper()
	var proof tlog.RecordProof
	head, _, _ := bytes.Cut(text, []byte("\n\n"))
	for _, row := range bytes.Split(head, []byte("\n"))[3:] {
		hash, err := tlog.ParseHash(string(row))
		if err != nil {
			t.Fatal(err)
		}
		proof = append(proof, hash)
	}
	again, err := receipt.New(o.Index, o.Line, proof, o.Signed)
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("made again:\n%s\n%v, want\n%s", again, err, text)
	}
}

func TestCheckpointVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, checkpointDir) {
		t.Run(v.Name, func(t *testing.T) {
			want := expectation(t, v)
			c, err := receipt.OpenCheckpoint(v.Body, vectorPins(t, v))
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("OpenCheckpoint: %v, want %v", err, want)
			}
			if want != nil {
				if c != (receipt.Checkpoint{}) {
					t.Errorf("%+v together with an error", c)
				}
				return
			}
			if c.Size != number(t, v, "size") || c.Root.String() != v.Header["root"] {
				t.Errorf("size %d, root %s", c.Size, c.Root)
			}
			checkText(t, v.Body, c)
		})
	}
}

// checkText: a signed text begins with the one spelling of what it opens to.
// The identity that signs anew does not matter.
func checkText(t *testing.T, text []byte, c receipt.Checkpoint) {
	t.Helper()
	id, _ := generate(t)
	again, err := receipt.SignCheckpoint(c, id)
	if err != nil {
		t.Fatal(err)
	}
	if spelling, _, _ := bytes.Cut(again, []byte("\n\n")); !bytes.HasPrefix(text, append(spelling, '\n')) {
		t.Errorf("%+v is spelled\n%s\nwant\n%s", c, spelling, text)
	}
}

// FuzzOpen: what opens is the same bytes when it is made again. All seeds have
// one pin, so that no change to a text can make up a signature.
func FuzzOpen(f *testing.F) {
	vectors := vectortest.Read(f, receiptDir)
	for _, v := range vectors {
		f.Add(v.Body)
	}
	pins := vectorPins(f, vectors[0])
	f.Fuzz(func(t *testing.T, data []byte) {
		opened, err := receipt.Open(data, pins)
		if err == nil {
			checkAgain(t, data, opened)
		} else if !isRefusal(err) {
			t.Fatalf("an error without a type: %v", err)
		}
	})
}

// FuzzOpenCheckpoint: what opens begins with its one spelling.
func FuzzOpenCheckpoint(f *testing.F) {
	vectors := vectortest.Read(f, checkpointDir)
	for _, v := range vectors {
		f.Add(v.Body)
	}
	pins := vectorPins(f, vectors[0])
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := receipt.OpenCheckpoint(data, pins)
		if err == nil {
			checkText(t, data, c)
		} else if !isRefusal(err) {
			t.Fatalf("an error without a type: %v", err)
		}
	})
}
