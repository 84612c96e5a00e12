package progresstest

import (
	"slices"
	"testing"
)

func TestSeen(t *testing.T) {
	for text, want := range map[string][]string{
		"one\r\ntwo":                   {"one", "two"},
		"long line\rshort":             {"shortline"},
		"long line\r\x1b[Kshort\r\n":   {"short"},
		"\x1b[31mred\x1b[0m":           {"red"},
		"0123456789ab":                 {"0123456789", "ab"},
		"0123456789\r\nb":              {"0123456789", "b"},
		"0123456789ab\r\x1b[Kc":        {"0123456789", "c"},
		"half a sequence\r\x1b[":       {"half a seq", "uence"},
		"\r\n\r\nempty lines\x1b[0m\r": {"", "", "empty line", "s"},
	} {
		if got := seen([]byte(text), 10); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
