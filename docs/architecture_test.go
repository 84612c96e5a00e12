package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sealpost/"

// imports returns, for each package of the project, which others of the project
// its files import; those of its tests are left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		pkg := path.Dir(name)
		if _, seen := found[pkg]; !seen {
			found[pkg] = nil
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if rest, own := strings.CutPrefix(imported, module); own && !slices.Contains(found[pkg], rest) {
				found[pkg] = append(found[pkg], rest)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestArchitectureListing(t *testing.T) {
	listed := make(map[string]bool)
	entry := regexp.MustCompile(`(?m)^((?:services|shared|integration|docs)\S*)  +\S`)
	for _, m := range entry.FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		listed[m[1]] = true
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("ARCHITECTURE.md lists %s: %v", m[1], err)
		}
	}
	for pkg := range imports(t) {
		if !listed[pkg] {
			t.Errorf("ARCHITECTURE.md does not list %s", pkg)
		}
	}
}

// rules: a package, and what it may import of the project. The first rule that
// fits a package decides.
var rules = []struct{ pkg, may string }{
	{`shared/(framing|message|logging)`, `none`},
	{`shared/(durable|settings)`, `shared/bounded`},
	{`shared/crypto/.*`, `shared/(message|numbers|crypto/.*)`},
	{`shared/.*`, `shared/.*`},
	{`services/client/outbox/(box|days|watch)`, `shared/.*`},
	{`services/client/outbox/(group|ready|scan)`, `shared/.*|services/client/outbox/box`},
	{`services/client/(dial|courier/.*)`, `shared/.*`},
	{`services/client/.*`, `shared/.*|services/client/(courier(/.*)?|dial|outbox(/.*)?)`},
	{`services/client`, `services/client/cli|shared/(signals|voice)`},
	{`services/server/(daemon|cli)`, `shared/.*|services/server/(cluster|daemon|intake|quota|remedy|setup|` +
		`logbook(/local(/fit|/room)?|/replicated(/entry)?|/standby)?|state(/shared)?|volumes)`},
	{`services/server/cluster`, `shared/.*|services/server/(logbook(/local(/fit)?|/replicated(/entry|/fold)?)?|` +
		`state(/shared)?|stream|volumes)`},
	{`services/server/daemon/daemontest`, `shared/.*|services/server/(daemon|state)`},
	{`services/server/remedy`, `shared/.*|services/server/` +
		`(logbook|logbook/(local|replicated(/entry|/fold)?)|state(/shared)?|stream|volumes)`},
	{`services/server/volumes`,
		`shared/.*|services/server/(logbook|logbook/local(/fit|/copying|/retire)?|state)`},
	{`services/server/logbook/engine/disk`, `shared/.*`},
	{`services/server/logbook/engine/(wal|manifest)`, `shared/.*|services/server/logbook/engine/disk`},
	{`services/server/logbook/engine/merkle`, `shared/.*|services/server/logbook/engine/(disk|manifest)`},
	{`services/server/logbook/engine/index`, `shared/.*|services/server/logbook|services/server/logbook/engine/(disk|manifest)`},
	{`services/server/logbook/engine`, `shared/.*|services/server/logbook|services/server/logbook/engine/.*`},
	{`services/server/logbook/local/copying`, `shared/.*|services/server/logbook/(engine.*|local/fit)`},
	{`services/server/logbook/local/fit`, `shared/.*|services/server/logbook/engine.*`},
	{`services/server/logbook/local/retire`, `shared/.*|services/server/logbook/(engine.*|local/fit)`},
	{`services/server/logbook/local/room`,
		`shared/.*|services/server/logbook|services/server/logbook/(engine|engine/disk)`},
	{`services/server/logbook/local`,
		`shared/.*|services/server/logbook|services/server/logbook/(engine.*|local/(fit|retire|room)|parts)`},
	{`services/server/logbook/replicated/entry`, `shared/.*`},
	{`services/server/logbook/replicated/fold`, `shared/.*|services/server/logbook/replicated/entry`},
	{`services/server/logbook/replicated`, `shared/.*|services/server/(logbook|stream)|` +
		`services/server/logbook/(engine|engine/(disk|manifest|merkle|wal)|local(/fit|/retire)?|replicated/(entry|fold))`},
	{`services/server/logbook/parts`, `shared/.*|services/server/logbook|services/server/logbook/engine/(disk|wal)`},
	{`services/server/logbook.*`, `shared/.*|services/server/logbook`},
	{`services/server/quota`, `shared/.*|services/server/logbook`},
	{`services/server/state/shared`, `shared/.*|services/server/(state|stream)`},
	{`services/server/setup`, `shared/.*|services/server/(cluster|state(/shared)?|stream)`},
	{`services/server/stream`, `none`},
	{`services/server/stream/natstest`, `services/server/stream|shared/durable/durabletest`},
	{`services/server/.*`, `shared/.*|services/server/(logbook|quota|state)`},
	{`services/server`, `services/server/cli|shared/(signals|voice)`},
	{`services/driver/onemachine`, `shared/.*|services/driver/(ftpserver|run)|services/server/(daemon|setup)`},
	{`services/driver/cli`, `shared/.*|services/driver/.*|services/client/cli`},
	{`services/driver/.*`, `shared/.*|services/driver/.*`},
	{`services/driver`, `services/driver/cli|shared/(signals|voice)`},
	{`integration(/.*)?|docs`, `.*`},
}

func TestArchitectureImports(t *testing.T) {
	for pkg, imported := range imports(t) {
		rule := slices.IndexFunc(rules, func(r struct{ pkg, may string }) bool { return matches(r.pkg, pkg) })
		if rule < 0 {
			t.Errorf("no rule says what %s may import", pkg)
			continue
		}
		for _, other := range imported {
			if !matches(rules[rule].may, other) {
				t.Errorf("%s imports %s", pkg, other)
			}
		}
	}
}

// TestHelpersStayInTests: what is made for tests is imported by tests alone, and
// by other packages made for them.
func TestHelpersStayInTests(t *testing.T) {
	helper := func(pkg string) bool { return strings.HasSuffix(pkg, "test") }
	for pkg, imported := range imports(t) {
		for _, other := range imported {
			if helper(other) && !helper(pkg) {
				t.Errorf("%s imports %s", pkg, other)
			}
		}
	}
}

func matches(pattern, s string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(s)
}
