// Package vectortest reads test vectors: files that say in a few lines what they
// are and what must come of them, then, after an empty line, hold the bytes.
//
//	expect: success
//	note: one block exactly
//
//	<the bytes, up to the end of the file>
package vectortest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Vector is one test vector.
type Vector struct {
	Name   string            // of the file, without its extension
	Header map[string]string // "expect" is always there
	Body   []byte
}

// Read returns the vectors in the .txt files of dir. A directory without any,
// or a file that is none, fails the test.
func Read(tb testing.TB, dir string) []Vector {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no test vectors in %s (%v)", dir, err)
	}
	vectors := make([]Vector, 0, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		v, ok := parse(data)
		if !ok {
			tb.Fatalf("%s is not a test vector", path)
		}
		v.Name = strings.TrimSuffix(filepath.Base(path), ".txt")
		vectors = append(vectors, v)
	}
	return vectors
}

func parse(data []byte) (Vector, bool) {
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return Vector{}, false
	}
	v := Vector{Header: make(map[string]string), Body: body}
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return Vector{}, false
		}
		v.Header[key] = value
	}
	return v, v.Header["expect"] != ""
}
