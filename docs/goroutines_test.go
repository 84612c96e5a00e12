package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGoroutines: the table of goroutines names each file of the programs that
// starts one, and no other.
func TestGoroutines(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Goroutines")
	section, _, _ = strings.Cut(section, "\n## ")
	named := make(map[string]bool)
	for _, m := range regexp.MustCompile("`((?:services|shared)/[^`]+\\.go)`").FindAllStringSubmatch(section, -1) {
		named[m[1]] = true
	}
	start := make(map[string]bool)
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		inProgram := strings.HasPrefix(name, "services/") || strings.HasPrefix(name, "shared/")
		ofTests := strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test")
		if err != nil || path.Ext(name) != ".go" || !inProgram || ofTests {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.SkipObjectResolution)
		if err == nil && startsGoroutine(file) {
			start[name] = true
		}
		return err
	})
	if err != nil || !maps.Equal(named, start) {
		t.Errorf("error %v; ARCHITECTURE.md names\n%q, goroutines are started in\n%q", err,
			slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(start)))
	}
}

// startsGoroutine reports whether a file has a go statement, or calls the method
// Go of a group.
func startsGoroutine(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			method, ok := n.Fun.(*ast.SelectorExpr)
			found = found || ok && method.Sel.Name == "Go"
		}
		return !found
	})
	return found
}
