package receipt_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
)

// sample is a checkpoint of a small tree.
func sample(t testing.TB) receipt.Checkpoint {
	t.Helper()
	tree, err := receipttest.NewTree(someLines(5)...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.Checkpoint(logbookID, 5)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheckpointRoundTrip(t *testing.T) {
	id, pins := generate(t)
	for _, size := range []uint64{0, 1, 9, 10, 1 << 32, receipt.MaxTree} {
		c := sample(t)
		c.Size = size
		text, err := receipt.SignCheckpoint(c, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := receipt.OpenCheckpoint(text, pins); err != nil || got != c {
			t.Errorf("opened %+v, %v, want %+v", got, err, c)
		}
		if again, err := receipt.SignCheckpoint(c, id); err != nil || !bytes.Equal(again, text) {
			t.Errorf("signed again: %q, %v", again, err)
		}
	}
}

// TestRotation: while an identity is being replaced, either pin is enough.
func TestRotation(t *testing.T) {
	old, oldPins := generate(t)
	next, nextPins := generate(t)
	_, otherPins := generate(t)
	text, err := receipt.SignCheckpoint(sample(t), old, next)
	if err != nil {
		t.Fatal(err)
	}
	for name, pins := range map[string]identity.Pins{
		"old": oldPins, "next": nextPins, "both": append(oldPins, nextPins...),
		"next and another": append(otherPins, nextPins...),
	} {
		if c, err := receipt.OpenCheckpoint(text, pins); err != nil || c != sample(t) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for name, pins := range map[string]identity.Pins{"another": otherPins, "none": nil} {
		if _, err := receipt.OpenCheckpoint(text, pins); !errors.Is(err, receipt.ErrSignature) {
			t.Errorf("%s: error %v, want ErrSignature", name, err)
		}
	}
}

func TestSignCheckpointRefuses(t *testing.T) {
	id, _ := generate(t)
	for _, origin := range []string{"", "example.org/log", "sealpost", "sealpost/a b", "sealpost/a+b", "sealpost/\x01",
		"sealpost/\xff"} {
		c := sample(t)
		c.Origin = origin
		if text, err := receipt.SignCheckpoint(c, id); !errors.Is(err, identity.ErrOrigin) || text != nil {
			t.Errorf("origin %q: error %v, want ErrOrigin", origin, err)
		}
	}
	c := sample(t)
	if _, err := receipt.SignCheckpoint(c); !errors.Is(err, receipt.ErrUnsigned) {
		t.Errorf("nobody signs: error %v, want ErrUnsigned", err)
	}
	c.Size = receipt.MaxTree + 1
	if _, err := receipt.SignCheckpoint(c, id); !errors.Is(err, receipt.ErrSize) {
		t.Errorf("too large: error %v, want ErrSize", err)
	}
}

// TestWitness: a note that opens stays a checkpoint when others sign it too.
func TestWitness(t *testing.T) {
	id, pins := generate(t)
	witness, _ := generate(t)
	signer, err := witness.Signer("witness.example")
	if err != nil {
		t.Fatal(err)
	}
	text, err := receipt.SignCheckpoint(sample(t), id)
	if err != nil {
		t.Fatal(err)
	}
	verifiers, err := pins.Verifiers(receipt.Origin(logbookID))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(text, verifiers)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(opened, signer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := receipt.OpenCheckpoint(cosigned, pins); err != nil || c != sample(t) {
		t.Errorf("with a second signature: %+v, %v", c, err)
	}
}

func TestCheckpointTooLong(t *testing.T) {
	id, pins := generate(t)
	text, err := receipt.SignCheckpoint(sample(t), id)
	if err != nil {
		t.Fatal(err)
	}
	line := text[bytes.LastIndex(text, []byte("\n\n"))+2:]
	for len(text) <= receipt.MaxSize {
		if _, err := receipt.OpenCheckpoint(text, pins); len(text) < receipt.MaxSize/8 && err != nil {
			t.Fatalf("%d bytes: %v", len(text), err)
		}
		text = append(text, line...)
	}
	if _, err := receipt.OpenCheckpoint(text, pins); !errors.Is(err, receipt.ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}
