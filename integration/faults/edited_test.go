package faults

import (
	"os/exec"
	"path/filepath"
	"testing"

	"sealpost/integration/mutants/mutate"
)

// changed is what changes make of source files below root, by their paths.
func changed(t *testing.T, root string, changes ...mutate.Change) (texts map[string]string) {
	t.Helper()
	texts, err := mutate.Apply(root, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// edited builds a program with these texts in the place of its source files.
func edited(t *testing.T, of string, texts map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
	overlay, err := mutate.Overlay(dir, texts)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "program")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", program, of).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}
