package receipt

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

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

// TestVerifierRemembers: without its pins a Verifier still opens what rests on
// the last signatures that it verified, and nothing else.
func TestVerifierRemembers(t *testing.T) {
	id, pins := generate(t)
	v := NewVerifier(pins)
	var commits [remembered + 1][2][]byte
	for n := range commits {
		commits[n] = twoLines(t, id, n)
		if _, err := v.Open(commits[n][0]); err != nil {
			t.Fatal(err)
		}
	}
	v.check = NewVerifier(nil).check
	for range 2 { // the second time after a failure
		for n, texts := range commits[1:] {
			opened, err := v.Open(texts[1])
			if err != nil || opened.Index != 1 || string(opened.Line) != "second" || opened.Checkpoint.Size != 2 {
				t.Errorf("under signature %d: %+v, %v", n+1, opened, err)
			}
		}
		if _, err := v.Open(commits[0][1]); !errors.Is(err, ErrSignature) {
			t.Errorf("under an earlier signature: error %v, want ErrSignature", err)
		}
	}
}

// TestVerifierForgetsFailures: each is told anew.
func TestVerifierForgetsFailures(t *testing.T) {
	id, pins := generate(t)
	v := NewVerifier(nil)
	text := twoLines(t, id, 1)[0]
	for range 2 {
		if opened, err := v.Open(text); !errors.Is(err, ErrSignature) || opened.Line != nil {
			t.Errorf("without pins: %+v, %v, want ErrSignature", opened, err)
		}
	}
	v.check = NewVerifier(pins).check
	if _, err := v.Open(text); err != nil {
		t.Errorf("with pins: %v", err)
	}
}

// TestVerifierSharesChecks: those who bring one text at once wait for one check,
// good or bad, while other texts, one bit away, have their own.
func TestVerifierSharesChecks(t *testing.T) {
	id, pins := generate(t)
	texts := twoLines(t, id, 1)
	changed := slices.Clone(texts[0])
	changed[len(changed)-10] ^= 1
	for name, want := range map[string]error{"good": nil, "bad": ErrSignature} {
		synctest.Test(t, func(t *testing.T) {
			v, asked, answer := NewVerifier(pins), 0, make(chan error)
			check := v.check
			v.check = func(signed []byte) (Checkpoint, error) {
				asked++
				if err := <-answer; err != nil {
					return Checkpoint{}, err
				}
				return check(signed)
			}
			var all sync.WaitGroup
			for n := range 6 {
				all.Go(func() {
					if _, err := v.Open(texts[n%2]); !errors.Is(err, want) {
						t.Errorf("%s: error %v, want %v", name, err, want)
					}
				})
			}
			synctest.Wait()
			all.Go(func() {
				if _, err := v.Open(changed); err == nil {
					t.Errorf("%s: a changed signature is taken", name)
				}
			})
			synctest.Wait()
			if asked != 2 {
				t.Errorf("%s: %d checks, want one for each of two texts", name, asked)
			}
			answer <- want
			answer <- want
			all.Wait()
		})
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
