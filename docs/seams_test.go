package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// TestShardSizeIsTheTests: what changes the size of shard directories is called by
// tests alone. With another size no reader would find a log file.
func TestShardSizeIsTheTests(t *testing.T) {
	seen := false
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(os.DirFS(".."), name)
		switch named := bytes.Contains(text, []byte("SetShardFiles(")); {
		case name == "shared/logfile/path.go":
			seen = named
		case named:
			t.Errorf("%s sets the size of shard directories", name)
		}
		return err
	})
	if err != nil || !seen {
		t.Errorf("path.go has it: %t, %v", seen, err)
	}
}
