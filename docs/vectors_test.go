package docs

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sealpost/shared/vectortest"
)

// TestProtocolVectors: the table of section 15 names every directory of vectors,
// how many it has, and what is expected of them.
func TestProtocolVectors(t *testing.T) {
	listed := make(map[string]bool)
	for _, row := range rows(t, "`?shared/.*") {
		dir := row[0]
		listed[dir] = true
		expected := make(map[string]bool)
		vectors := vectortest.Read(t, filepath.Join("..", dir))
		for _, v := range vectors {
			expected[v.Header["expect"]] = true
		}
		if row[1] != strconv.Itoa(len(vectors)) {
			t.Errorf("%s: the page says %s files, there are %d", dir, row[1], len(vectors))
		}
		said := strings.Split(strings.ReplaceAll(row[3], "`", ""), ", ")
		slices.Sort(said)
		if want := slices.Sorted(maps.Keys(expected)); !slices.Equal(said, want) && row[3] != "the server's answers" {
			t.Errorf("%s: the page expects %q, the files %q", dir, said, want)
		}
	}
	files, err := filepath.Glob("../shared/*/testdata/*/*.txt")
	deeper, errDeeper := filepath.Glob("../shared/*/*/testdata/*/*.txt")
	if err != nil || errDeeper != nil || len(files) == 0 || len(deeper) == 0 {
		t.Fatal(err, errDeeper)
	}
	for _, file := range append(files, deeper...) {
		if dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../"); !listed[dir] {
			t.Errorf("%s is in no directory of the table", file)
		}
	}
}
