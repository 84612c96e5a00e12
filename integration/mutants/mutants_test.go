package main

import (
	"os"
	"testing"

	"sealpost/integration/mutants/mutate"
)

// Every mutant applies: the text that it replaces is there, once. Whether tests
// notice each is for the program to find out, which takes many minutes.
func TestMutantsApply(t *testing.T) {
	list, err := load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, m := range list {
		if names[m.what] {
			t.Errorf("%s: there are two of that name", m.what)
		}
		names[m.what] = true
		if _, err := mutate.Apply("../..", m.change); err != nil {
			t.Errorf("%s: %v", m.what, err)
		}
	}
	if len(list) == 0 {
		t.Error("there are no mutants")
	}
}
