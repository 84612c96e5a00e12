package main

import (
	"strings"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		limit limit
		value float64
		want  string
	}{
		{atLeast(0.8), 0.8, "yes"}, {atLeast(0.8), 0.79, "NO"},
		{atMost(2), 2, "yes"}, {atMost(2), 2.1, "NO"},
		{asMeasured, 5, "-"},
	} {
		if got := c.limit.verdict(c.value); got != c.want {
			t.Errorf("%v with %v: %s, want %s", c.limit, c.value, got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	var s summary
	s.add(figure{name: "rate", unit: "msg/s", ours: 50, floor: 100, ratios: ratios{0.6, 0.5, 0.4}, required: atLeast(0.45)})
	s.add(figure{name: "times", unit: "ms", ours: 5, floor: 2, ratios: ratios{1, 2}, overall: 2.5, required: atMost(2)})
	s.add(figure{name: "amount", unit: "MiB", ours: 12.34, required: atMost(400)})
	var out strings.Builder
	s.print(&out)
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Fields(line))
	}
	for i, want := range []string{
		"rate msg/s 50.0 100 0.500 0.400 0.600 3 >= 0.450 yes",
		"times ms 5.00 2.00 2.50 1.00 2.00 2 <= 2.00 NO",
		"amount MiB 12.3 - - - - - <= 400 yes",
	} {
		if got := strings.Join(rows[3+i], " "); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
}

func TestShow(t *testing.T) {
	for want, v := range map[string]any{
		"12345": 12345.4, "99.9": 99.9, "1.50": 1500 * time.Millisecond, "0.012": 0.0123, "7": 7, "x": "x", "1/2/3": counters{1, 2, 3, true},
	} {
		if got := show(v); got != want {
			t.Errorf("%v is shown as %s, want %s", v, got, want)
		}
	}
}
