package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// Every side runs once a round, and a ratio is that of one round.
func TestCompare(t *testing.T) {
	var out, order strings.Builder
	b := &bench{out: &out, disk: disk{dir: t.TempDir()}}
	counting := func(name string, rounds ...float64) side {
		return side{name, func(context.Context) (values, error) {
			order.WriteString(name + " ")
			v := values{rate: rounds[0]}
			rounds = rounds[1:]
			return v, nil
		}}
	}
	if err := b.compare(t.Context(), comparison{
		name: "case", columns: []string{rate, middle}, rounds: 5,
		sides: []side{counting(ours, 10, 20, 30, 40, 50), counting("floor", 10, 10, 10, 10, 100)},
		demands: []demand{{rate, "floor", limit{least: 1.5}}, {rate, other, limit{least: 1}},
			{rate, "", limit{most: 29}}, {rate, "", limit{}}},
	}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(order.String(), "sealpost floor floor sealpost floor sealpost ") {
		t.Errorf("the sides ran as %s", &order)
	}
	b.printSummary()
	got := "\n"
	for line := range strings.Lines(out.String()) {
		got += strings.Join(strings.Fields(line), " ") + "\n"
	}
	for _, want := range []string{
		"sealpost 30.0 ±67% -", "floor 10.0 ±900% -",
		"case msg/s 30.0 floor 10.0 2.00 0.500 to 4.00 >= 1.50 yes",
		"case msg/s 30.0 - - - 10.0 to 50.0 <= 29.0 NO",
		"case msg/s 30.0 - - - 10.0 to 50.0 - -",
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("the report does not have the row %q\n%s", want, got)
		}
	}
	if strings.Contains(got, other) {
		t.Errorf("a figure is beside a tree that is not there\n%s", got)
	}
}

func TestPercentile(t *testing.T) {
	four := []time.Duration{4e6, 3e6, 1e6, 2e6}
	for share, want := range map[float64]float64{0.01: 1, 0.25: 1, 0.5: 2, 0.51: 3, 0.99: 4, 1: 4} {
		if got := percentile(four, share); got != want {
			t.Errorf("percentile %v is %v ms, want %v", share, got, want)
		}
	}
}

func TestShow(t *testing.T) {
	for want, v := range map[string]float64{"12345": 12345.4, "99.9": 99.9, "1.50": 1.5, "0.012": 0.0123, "-2.00": -2} {
		if got := show(v); got != want {
			t.Errorf("%v is shown as %s, want %s", v, got, want)
		}
	}
}
