package main

import "testing"

// The server without proofs is made of the present one: the places where it is
// cut must be there.
func TestCutsApply(t *testing.T) {
	texts, err := applyCuts("../..", withoutProofs)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 2 {
		t.Errorf("%d files are changed, want 2", len(texts))
	}
}
