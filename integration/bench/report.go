package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table is printed with its columns aligned.
type table struct {
	title string
	rows  [][]string
}

func newTable(title string, columns ...string) *table {
	return &table{title: title, rows: [][]string{columns}}
}

// row adds one row; values are printed with three significant digits where they
// are fractions.
func (t *table) row(values ...any) {
	var row []string
	for _, v := range values {
		row = append(row, show(v))
	}
	t.rows = append(t.rows, row)
}

func (t *table) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", t.title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range t.rows {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush() // a report that cannot be written cannot be complained about in it
}

// show prints a value in the unit that its column names.
func show(v any) string {
	switch v := v.(type) {
	case float64:
		return fraction(v)
	case time.Duration:
		return fraction(v.Seconds())
	default:
		return fmt.Sprint(v)
	}
}

// fraction prints at least three digits, and no more decimals than needed.
func fraction(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

// limit is what a figure must reach.
type limit struct {
	value   float64
	atMost  bool // else at least
	nothing bool // nothing is demanded
}

func atLeast(v float64) limit { return limit{value: v} }
func atMost(v float64) limit  { return limit{value: v, atMost: true} }

var asMeasured = limit{nothing: true}

func (l limit) String() string {
	switch {
	case l.nothing:
		return "-"
	case l.atMost:
		return "<= " + fraction(l.value)
	default:
		return ">= " + fraction(l.value)
	}
}

// verdict says whether v is met.
func (l limit) verdict(v float64) string {
	met := v >= l.value
	if l.atMost {
		met = v <= l.value
	}
	switch {
	case l.nothing:
		return "-"
	case met:
		return "yes"
	default:
		return "NO"
	}
}

// figure is one line of the summary: what Sealpost did, what the floor beside
// it did, and their ratio; or an amount alone.
type figure struct {
	name        string
	unit        string
	ours, floor float64
	ratios      ratios  // of each round; nil: the amount itself is judged
	overall     float64 // the ratio that is judged, where it is not the rounds' median
	required    limit
}

func (f figure) ratio() float64 {
	if f.overall != 0 {
		return f.overall
	}
	return f.ratios.median()
}

// summary is every figure of the run.
type summary []figure

func (s *summary) add(f figure) { *s = append(*s, f) }

func (s summary) print(out io.Writer) {
	if len(s) == 0 {
		return
	}
	t := newTable("Summary: medians over the rounds; a ratio compares what one round measured",
		"figure", "unit", "sealpost", "floor", "ratio", "min", "max", "rounds", "required", "met")
	for _, f := range s {
		if f.ratios == nil {
			t.row(f.name, f.unit, f.ours, "-", "-", "-", "-", "-", f.required, f.required.verdict(f.ours))
			continue
		}
		r := f.ratio()
		t.row(f.name, f.unit, f.ours, f.floor, r, f.ratios.min(), f.ratios.max(), len(f.ratios), f.required, f.required.verdict(r))
	}
	t.print(out)
}
