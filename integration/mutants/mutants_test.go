package main

import (
	"os"
	"strings"
	"testing"
)

// Every mutant applies: the text that it replaces is there, once. Whether tests
// notice each is for the program to find out, which takes many minutes.
func TestMutantsApply(t *testing.T) {
	if err := os.Chdir("../.."); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, m := range all() {
		if names[m.name] {
			t.Errorf("%s: there are two of that name", m.name)
		}
		names[m.name] = true
		text, err := os.ReadFile(m.file)
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), m.old); n != 1 {
			t.Errorf("%s: %v", m.name, errTimes(n))
		}
		if m.old == m.new || m.tests == "" {
			t.Errorf("%s: it changes nothing, or has no tests", m.name)
		}
	}
}
