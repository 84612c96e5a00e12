package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const securityPage = "SECURITY.md"

// claim is a row of the page's table of properties.
type claim struct {
	property string
	sources  []string            // files, from the top of the repository
	tests    map[string][]string // test functions, by directory
}

var (
	quoted    = regexp.MustCompile("`([^`]+)`")
	testsOf   = regexp.MustCompile("^`([a-z0-9/]+)`: ((?:`[A-Za-z0-9]+` ?)+)$")
	namesTest = regexp.MustCompile(`^(Test|Fuzz)[A-Z0-9]`)
)

// claims reads the table whose head names a source and tests.
func claims(t *testing.T) (found []claim) {
	t.Helper()
	_, table, ok := strings.Cut(read(t, securityPage), "| property | mechanism | source | shown by |\n")
	if !ok {
		t.Fatal("the page has no table of properties")
	}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if strings.Contains(cells[0], "---") {
			continue
		}
		if len(cells) != 4 {
			t.Fatalf("%d cells in %q", len(cells), line)
		}
		c := claim{property: strings.TrimSpace(cells[0]), tests: make(map[string][]string)}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			c.sources = append(c.sources, m[1])
		}
		for part := range strings.SplitSeq(cells[3], ";") {
			m := testsOf.FindStringSubmatch(strings.TrimSpace(part))
			if m == nil {
				t.Fatalf("%q names no package and tests", part)
			}
			for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
				c.tests[m[1]] = append(c.tests[m[1]], name[1])
			}
		}
		found = append(found, c)
	}
	return found
}

// TestSecurityClaims: every source file that the page names is there, and every
// test is one that `go test` runs in that package.
func TestSecurityClaims(t *testing.T) {
	found := claims(t)
	if len(found) < 20 {
		t.Errorf("%d properties", len(found))
	}
	declared := make(map[string]map[string]bool)
	for _, c := range found {
		if len(c.sources) == 0 || len(c.tests) == 0 {
			t.Errorf("%s: no source or no test", c.property)
		}
		for _, source := range c.sources {
			if info, err := os.Stat(filepath.Join("..", source)); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s: %s is not a file", c.property, source)
			}
		}
		for dir, names := range c.tests {
			if declared[dir] == nil {
				declared[dir] = testsIn(t, filepath.Join("..", dir))
			}
			for _, name := range names {
				if !declared[dir][name] {
					t.Errorf("%s: %s has no test %s", c.property, dir, name)
				}
			}
		}
	}
}

// testsIn returns the names of the tests and fuzz targets of a directory.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && isTest(f) {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// isTest reports whether go test runs f: its name, and its one parameter.
func isTest(f *ast.FuncDecl) bool {
	if f.Recv != nil || !namesTest.MatchString(f.Name.Name) || len(f.Type.Params.List) != 1 {
		return false
	}
	pointer, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	kind, ok := pointer.X.(*ast.SelectorExpr)
	return ok && kind.Sel.Name == f.Name.Name[:1] || ok && kind.Sel.Name == "F" && strings.HasPrefix(f.Name.Name, "Fuzz")
}

// TestLinks: every link on these pages to a file or heading of ours leads there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]*)(#[^) ]*)?\)`)
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if m[2] != "" && !anchors(t, target)[m[2]] {
				t.Errorf("%s: %s has no heading %s", page, target, m[2])
			}
		}
	}
}

// anchors returns the names under which a page's headings can be linked to.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(read(t, page), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found["#"+strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}
