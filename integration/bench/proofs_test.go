package main

import (
	"testing"

	"sealpost/integration/mutants/mutate"
)

// The server without proofs is made of the present one: the places where it is
// cut must be there.
func TestCutsApply(t *testing.T) {
	texts, err := mutate.Apply("../..", withoutProofs...)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 2 {
		t.Errorf("%d files are changed, want 2", len(texts))
	}
}
