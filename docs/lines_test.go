package docs

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const lastColumn = 120

// TestLinesEnd: lines of Go, YAML and Markdown end by column 120, where a tab
// counts as one. Test data is bytes, not text.
func TestLinesEnd(t *testing.T) {
	seen := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !slices.Contains([]string{".go", ".yml", ".yaml", ".md"}, path.Ext(name)):
			return nil
		}
		seen++
		number := 0
		for line := range strings.Lines(read(t, "../"+name)) {
			number++
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > lastColumn && !cannotBreak(name, line) {
				t.Errorf("%s:%d: %d columns", name, number, n)
			}
		}
		return nil
	})
	if err != nil || seen < 400 {
		t.Errorf("%d files: %v", seen, err)
	}
}

// cannotBreak reports whether a line is a row of a table in Markdown, or has a
// word that leaves no room for others: base64, a line of a manifest, a struct tag.
func cannotBreak(name, line string) bool {
	return path.Ext(name) == ".md" && strings.HasPrefix(line, "|") ||
		slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) > 80 })
}
