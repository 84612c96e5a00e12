package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"sealpost/services/server/logbook/replicated"
	"sealpost/shared/logging/trail"
)

// TestAuditTable: the page lists every step of the audit trail, in their order, and no
// other.
func TestAuditTable(t *testing.T) {
	var listed, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ").FindAllStringSubmatch(read(t, "OPERATIONS.md"), -1) {
		listed = append(listed, m[1])
	}
	for _, step := range trail.Steps() {
		want = append(want, step.String())
	}
	if !slices.Equal(listed, want) {
		t.Errorf("the page lists\n%q, the steps are\n%q", listed, want)
	}
}

// TestFindingsAreListed: the page lists each state of sealpost_cluster_audit, in their
// order, and no other.
func TestFindingsAreListed(t *testing.T) {
	_, page, _ := strings.Cut(read(t, "OPERATIONS.md"), "\n## Several servers\n")
	page, _, _ = strings.Cut(page, "\n## ")
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^- `([a-z]+)`: ").FindAllStringSubmatch(page, -1) {
		listed = append(listed, m[1])
	}
	want := []string{"ok"}
	for _, of := range replicated.Findings() {
		want = append(want, string(of))
	}
	if !slices.Equal(listed, want) {
		t.Errorf("the page lists\n%q, the states are\n%q", listed, want)
	}
}

// TestReasonsAreListed: the page lists each reason of sealpost_not_ready, in their order,
// and no other.
func TestReasonsAreListed(t *testing.T) {
	find := func(form, text string) (found []string) {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		return found
	}
	_, page, _ := strings.Cut(read(t, "OPERATIONS.md"), "\n## Ready or red\n")
	page, _, _ = strings.Cut(page, "\n## ")
	listed := find("(?m)^- `([a-z]+)`: ", page)
	want := find(`(?m)^\tcause[A-Z][a-z]+ += "([a-z]+)"`, read(t, "../services/server/daemon/causes.go"))
	if len(want) == 0 || !slices.Equal(listed, want) {
		t.Errorf("the page lists\n%q, the reasons are\n%q", listed, want)
	}
}
