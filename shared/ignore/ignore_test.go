package ignore_test

import (
	"path"
	"strings"
	"testing"

	"sealpost/shared/ignore"
	"sealpost/shared/settings"
)

func TestDefaults(t *testing.T) {
	var s ignore.Setting
	if _, err := settings.Load("IGNORE_TEST", &s); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"a.part": true, "A.TMP": true, "report.txt~": true, "~$letter.docx": true, "#notes#": true, ".swp": true,
		"a.parts": false, "part": false, "tmp.txt": false, "#1.txt": false, "a~b": false,
	} {
		if s.OutboxIgnore.Match(name) != want {
			t.Errorf("%s: ignored is not %v", name, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	var p ignore.Patterns
	if err := p.UnmarshalText([]byte("*.a,,b[0-9]")); err != nil || p.String() != "*.a,b[0-9]" || !p.Match("B7") {
		t.Errorf("%v, %v", p, err)
	}
	if err := p.UnmarshalText(nil); err != nil || len(p) > 0 || p.Match("a.part") {
		t.Errorf("no patterns: %v, %v", p, err)
	}
	if err := p.UnmarshalText([]byte("*.part,[a-")); err == nil || !strings.Contains(err.Error(), `"[a-"`) {
		t.Errorf("a bad pattern: %v", err)
	}
}

// TestEveryEnd compares with path.Match alone.
func TestEveryEnd(t *testing.T) {
	names := []string{"", "a", "ab", "b", "*", "?", "]", `\`, "é", "ü", "a]", "a*"}
	patterns := []string{"", "a", "*", "?", "a?", "[ab]", `\*`, `a\]`, "a]", `\\`, "é", "*é", "a*", "[^b]", `a\*`}
	for _, pattern := range patterns {
		for _, name := range names {
			want, err := path.Match(pattern, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := (ignore.Patterns{pattern}).Match(name); got != want {
				t.Errorf("%q, %q: %v, want %v", pattern, name, got, want)
			}
		}
	}
}
