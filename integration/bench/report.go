package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/perf/benchmath"
)

// The columns of more than one case.
const (
	rate       = "msg/s"
	middle     = "p50 ms"
	slow       = "p99 ms"
	serverTime = "server us" // processor time, for one message
	loadTime   = "load us"
	bothTimes  = "both us"
	memory     = "MiB"
	ownMemory  = "own MiB" // without pages of files, which the kernel may take back
	peakMemory = "peak MiB"
	writes     = "writes" // of the disk, for one message
	flushes    = "flushes"
)

// values are those of one run, by column.
type values map[string]float64

// since returns what was counted from before to v, for one of n messages.
func (v values) since(before values, n int) values {
	each := make(values)
	for column := range before {
		each[column] = (v[column] - before[column]) / float64(n)
	}
	return each
}

type place struct{ side, column string }

// results are the values of all rounds.
type results map[place][]float64

// side is one of those that are measured in turn: a tree, or a floor.
type side struct {
	name string
	run  func(context.Context) (values, error)
}

// comparison is a number of rounds in which every side runs once.
type comparison struct {
	name, about string
	columns     []string // those that are printed
	rounds      int
	bytes       uint64 // that one run writes, at most
	sides       []side
	demands     []demand
}

// demand is what a column of this tree must reach: its ratio to that of another
// side in the same round, or "" the value itself. One beside the other tree is
// left out where there is none.
type demand struct {
	column, beside string
	required       limit
}

// compare runs the rounds, prints what came out, and adds what is demanded to
// the summary. Every second round begins with another side, and the one after it
// goes backwards, so that none always follows the same.
func (b *bench) compare(ctx context.Context, c comparison) error {
	if err := b.disk.room(c.bytes * uint64(c.rounds*len(c.sides))); err != nil {
		return err
	}
	got := make(results)
	for round := range c.rounds {
		for i := range c.sides {
			if round%2 == 1 {
				i = len(c.sides) - 1 - i
			}
			s := c.sides[(round/2+i)%len(c.sides)]
			v, err := s.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			for column, value := range v {
				got[place{s.name, column}] = append(got[place{s.name, column}], value)
			}
		}
	}
	got.print(b.out, c)
	for _, d := range c.demands {
		if d.beside == "" || got[place{d.beside, d.column}] != nil {
			b.summary = append(b.summary, d.summaryRow(c.name, got))
		}
	}
	return nil
}

// confidence of the intervals in the report. Five rounds allow it, by all
// between the smallest and the largest; fewer have infinite intervals.
const confidence = 0.9

// printHead says when, on what and of what the figures are.
func (b *bench) printHead() {
	model := "unknown processor"
	fs, _ := procfs.NewDefaultFS()
	if infos, err := fs.CPUInfo(); err == nil && len(infos) > 0 {
		model = infos[0].ModelName
	}
	fmt.Fprintf(b.out, "%s, %d x %s, %s/%s, %s, %s on %q\n", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), b.disk.fileSystem, b.disk.device)
	fmt.Fprintln(b.out, "us: processor time for one message; writes, flushes: of the disk, for one message")
}

// printTable aligns the columns.
func printTable(out io.Writer, title string, rows [][]string) {
	fmt.Fprintf(out, "\n%s\n", title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush() // a report that cannot be written cannot be complained about in it
}

// print prints a row for each side, of medians and how far their intervals reach.
func (r results) print(out io.Writer, c comparison) {
	rows := [][]string{append([]string{"side"}, c.columns...)}
	for _, s := range c.sides {
		row := []string{s.name}
		for _, column := range c.columns {
			cell := "-"
			if rounds := r[place{s.name, column}]; rounds != nil {
				of := summarize(rounds)
				cell = fmt.Sprintf("%s ±%s", show(of.Center), of.PctRangeString())
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	printTable(out, fmt.Sprintf("%s: %s; medians of %d", c.name, c.about, c.rounds), rows)
}

// printSummary prints every figure of the run.
func (b *bench) printSummary() {
	head := []string{"figure", "unit", ours, "beside", "value", "ratio", "interval", "required", "met"}
	title := "Summary: medians of the rounds; a ratio, and its %v%% interval, is that within a round"
	printTable(b.out, fmt.Sprintf(title, 100*confidence), append([][]string{head}, b.summary...))
}

// summaryRow says whether what is demanded was met.
func (d demand) summaryRow(name string, r results) []string {
	judged, beside, ratio := r[place{ours, d.column}], "-", "-"
	ourMedian := show(summarize(judged).Center)
	if others := r[place{d.beside, d.column}]; others != nil {
		judged = slices.Clone(judged)
		for i := range judged {
			judged[i] /= others[i]
		}
		beside, ratio = show(summarize(others).Center), show(summarize(judged).Center)
	}
	of := summarize(judged)
	required, met := d.required.judge(of.Center)
	interval := show(of.Lo) + " to " + show(of.Hi)
	return []string{name, d.column, ourMedian, cmp.Or(d.beside, "-"), beside, ratio, interval, required, met}
}

// summarize returns the median and its confidence interval.
func summarize(rounds []float64) benchmath.Summary {
	sample := benchmath.NewSample(slices.Clone(rounds), &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(sample, confidence)
}

// show prints three digits, all of those before the point, and at most three
// behind it.
func show(v float64) string {
	return fmt.Sprintf("%.*f", min(max(2-int(math.Floor(math.Log10(math.Abs(v)))), 0), 3), v)
}

// percentile returns the value in ms that a share of the latencies do not
// exceed, by the nearest rank. 0 < share <= 1.
func percentile(latencies []time.Duration, share float64) float64 {
	rank := int(math.Ceil(share * float64(len(latencies))))
	return slices.Sorted(slices.Values(latencies))[rank-1].Seconds() * 1000
}

// limit is the least or the most that is wanted; nothing where it is zero.
type limit struct{ least, most float64 }

// judge says what is required and whether v meets it.
func (l limit) judge(v float64) (required, met string) {
	ok := false
	switch {
	case l.most > 0:
		required, ok = "<= "+show(l.most), v <= l.most
	case l.least > 0:
		required, ok = ">= "+show(l.least), v >= l.least
	default:
		return "-", "-"
	}
	return required, map[bool]string{true: "yes", false: "NO"}[ok]
}
