package faults

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// edits are changes of source files, by their paths. A file that is not there is made of "".
type edits map[string]func(text string) string

// edited builds a program of sources that are changed for it alone.
func edited(t *testing.T, of string, changes edits) (program string) {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for path, change := range changes {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		file := filepath.Join(dir, filepath.Base(path))
		put(t, file, change(string(text)))
		overlay.Replace[path] = file
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	put(t, list, string(text))
	program = filepath.Join(dir, "program")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", program, of).CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// instead is an edit that has another text in the place of one that stands there once.
func instead(t *testing.T, old, with string) func(string) string {
	return func(text string) string {
		t.Helper()
		if n := strings.Count(text, old); n != 1 {
			t.Fatalf("%q stands there %d times", old, n)
		}
		return strings.Replace(text, old, with, 1)
	}
}
