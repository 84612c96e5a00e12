package receipt

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"sealpost/shared/crypto/identity"
)

// twoLines makes the receipts of a tree of two lines that differ by n.
func twoLines(t *testing.T, id *identity.Identity, n int) [2][]byte {
	t.Helper()
	lines := [][]byte{fmt.Appendf(nil, "first of %d", n), []byte("second")}
	var tree Hasher
	var leaves []Hasher
	for _, line := range lines {
		tree.Add(line)
		var leaf Hasher
		leaf.Add(line)
		leaves = append(leaves, leaf)
	}
	signed, err := SignCheckpoint(Checkpoint{Origin: Origin("x"), Size: 2, Root: tree.Root()}, id)
	if err != nil {
		t.Fatal(err)
	}
	var receipts [2][]byte
	for i := range receipts {
		receipts[i], err = New(uint64(i), lines[i], leaves[1-i].peaks, signed)
		if err != nil {
			t.Fatal(err)
		}
	}
	return receipts
}

func generate(t *testing.T) (*identity.Identity, identity.Pins) {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id, identity.Pins{{Key: id.Public()}}
}

// TestVerifierRemembers: with its pins taken away a Verifier still opens what
// rests on the last signature that it verified, and nothing else.
func TestVerifierRemembers(t *testing.T) {
	id, pins := generate(t)
	v := NewVerifier(pins)
	one, other := twoLines(t, id, 1), twoLines(t, id, 2)
	for _, text := range [][]byte{other[0], one[0]} {
		if _, err := v.Open(text); err != nil {
			t.Fatal(err)
		}
	}
	v.pins = nil
	opened, err := v.Open(one[1])
	if err != nil || opened.Index != 1 || string(opened.Line) != "second" || opened.Checkpoint.Size != 2 {
		t.Errorf("under the same signature: %+v, %v", opened, err)
	}
	if _, err := v.Open(other[1]); !errors.Is(err, ErrSignature) {
		t.Errorf("under an earlier signature: error %v, want ErrSignature", err)
	}
	if _, err := v.Open(one[1]); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}

// TestVerifierChecksEachProof: what is remembered is the signature alone.
func TestVerifierChecksEachProof(t *testing.T) {
	id, pins := generate(t)
	v := NewVerifier(pins)
	texts := twoLines(t, id, 1)
	if _, err := v.Open(texts[0]); err != nil {
		t.Fatal(err)
	}
	p, err := parse(texts[1])
	if err != nil {
		t.Fatal(err)
	}
	forged, err := New(p.index, []byte("another"), p.proof, p.signed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(forged); !errors.Is(err, ErrProof) {
		t.Errorf("a forged line: error %v, want ErrProof", err)
	}
	changed := slices.Clone(texts[1])
	changed[len(changed)-10] ^= 1
	if _, err := v.Open(changed); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrMalformed) {
		t.Errorf("a changed signature: error %v", err)
	}
}

func TestVerifierInParallel(t *testing.T) {
	id, pins := generate(t)
	v := NewVerifier(pins)
	receipts := [][2][]byte{twoLines(t, id, 0), twoLines(t, id, 1), twoLines(t, id, 2)}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 60 {
				opened, err := v.Open(receipts[n/2%3][n%2])
				if err != nil || opened.Index != uint64(n%2) {
					t.Errorf("%+v, %v", opened, err)
				}
			}
		})
	}
	all.Wait()
}
