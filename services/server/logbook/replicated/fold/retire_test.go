package fold

import (
	"errors"
	"testing"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/numbers"
)

// What is retired is written in one way.
func TestRetire(t *testing.T) {
	ranges := func(n int) string {
		var every numbers.Set
		for i := range uint64(n) {
			every.Add(numbers.One(2 * i))
		}
		return every.Join(",")
	}
	for name, test := range map[string]struct {
		body string
		void bool
	}{
		"one":                   {"7", false},
		"ranges":                {"0-41,43", false},
		"the last that can be":  {"4611686018427387902", false},
		"as many ranges as can": {ranges(maxRanges), false},
		"nothing":               {"", true},
		"no numbers":            {"x", true},
		"more behind them":      {"7,", true},
		"another order":         {"43,0-41", true},
		"ranges that touch":     {"0-41,42", true},
		"a line end":            {"7\n", true},
		"one that no tree has":  {"4611686018427387903", true},
		"one range too many":    {ranges(maxRanges + 1), true},
	} {
		s := newScript(t)
		s.add(entry.Header{Kind: entry.KindRetire, Retire: &entry.Retire{}}, []byte(test.body)...)
		step := s.take(begin(t, "a", State{}))
		if errors.Is(step.Void, errNumbers) != test.void || !test.void && step.Numbers.Join(",") != test.body {
			t.Errorf("%s: %v, %v", name, step.Numbers, step.Void)
		}
	}
}
