package docs

import (
	"regexp"
	"slices"
	"testing"

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
