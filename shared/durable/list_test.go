package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Names that stay are listed once each, though others go between the pieces.
func TestEntriesInPieces(t *testing.T) {
	path := t.TempDir()
	const names = 1000
	for i := range names {
		if err := os.WriteFile(filepath.Join(path, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	seen := make(map[string]bool)
	for entries, err := range d.Entries(7) {
		if err != nil || len(entries) == 0 || len(entries) > 7 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			if seen[e.Name()] {
				t.Errorf("%s is listed twice", e.Name())
			}
			seen[e.Name()] = true
		}
		if err := d.Remove(entries[0].Name()); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != names {
		t.Errorf("%d names of %d", len(seen), names)
	}
	left, err := d.ReadDir()
	if err != nil || len(left) == 0 || len(left) >= names {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
