package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBoundsAreTried: each place where something waits has its bounds and tests
// on the page, and go test runs these.
func TestBoundsAreTried(t *testing.T) {
	_, table, ok := strings.Cut(read(t, "PROTOCOL.md"), "| waits | bound of one | bound in all | beyond it | shown by |\n")
	if !ok {
		t.Fatal("the page has no table of what waits")
	}
	places := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if strings.HasPrefix(cells[0], "---") {
			continue
		}
		if places++; len(cells) != 5 {
			t.Errorf("%d cells in %q", len(cells), line)
			continue
		}
		m := testsOf.FindStringSubmatch(cells[4])
		if m == nil {
			t.Errorf("%q names no package and tests", cells[4])
			continue
		}
		declared := testsIn(t, filepath.Join("..", m[1]))
		for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
			if !declared[name[1]] {
				t.Errorf("%s: %s has no test %s", cells[0], m[1], name[1])
			}
		}
	}
	if places < 10 {
		t.Errorf("%d places", places)
	}
}

// TestComposeBoundsLogs: the engine keeps a bounded log of every container.
func TestComposeBoundsLogs(t *testing.T) {
	service := regexp.MustCompile(`(?m)^  [a-z0-9-]+:\n`)
	for _, file := range []string{"../compose.yaml", "../examples/compose.yaml", "../examples/haproxy/compose.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(raw), "\nservices:\n")
		services, _, ok := strings.Cut(rest, "\nvolumes:\n")
		if !ok || !strings.Contains(head,
			"x-logs: &logs\n  driver: json-file\n  options: {max-size: 10m, max-file: \"5\"}\n") {
			t.Errorf("%s bounds no log", file)
		}
		names, bounded := service.FindAllString(services, -1), strings.Count(services, "\n    logging: *logs\n")
		if len(names) == 0 || len(names) != bounded {
			t.Errorf("%s: %d services, %d with a bounded log", file, len(names), bounded)
		}
	}
}
