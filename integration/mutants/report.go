package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// job is one line of the list that is printed.
type job struct {
	name, in string
	try      func(context.Context) outcome
}

// result is what became of a job.
type result struct {
	job
	outcome
	took time.Duration
}

func (r result) processor() time.Duration { return r.build + r.tests }

// report prints the list as it comes about.
type report struct {
	table   *tabwriter.Writer
	out     io.Writer
	verbose bool
}

func newReport(out io.Writer, verbose bool) *report {
	r := &report{tabwriter.NewWriter(out, 8, 8, 2, ' ', 0), out, verbose}
	_, _ = fmt.Fprintln(r.table, "verdict\tseconds\tof them: processor, build\ttests\tmutant\tin")
	return r
}

// run does the jobs, as many at once as there are processors, prints them in
// their order, and returns their results.
func (r *report) run(ctx context.Context, jobs []job) (results []result) {
	waiting := make([]chan result, len(jobs))
	for i := range jobs {
		waiting[i] = make(chan result, 1)
	}
	go start(ctx, jobs, waiting)
	for _, w := range waiting {
		got := <-w
		results = append(results, got)
		r.row(got)
		if r.verbose || got.verdict != caught && got.verdict != sound {
			_, _ = fmt.Fprintln(r.out, got.said)
		}
	}
	return results
}

func start(ctx context.Context, jobs []job, results []chan result) {
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		places <- struct{}{}
		go func() {
			begun := time.Now()
			o := j.try(ctx)
			if err := ctx.Err(); err != nil {
				o = outcome{verdict: failed, said: err.Error()}
			}
			results[i] <- result{j, o, time.Since(begun)}
			<-places
		}()
	}
}

func (r *report) row(got result) {
	_, _ = fmt.Fprintf(r.table, "%s\t%.0f\t%.1f\t%.1f\t%s\t%s\n",
		got.verdict, got.took.Seconds(), got.build.Seconds(), got.tests.Seconds(), got.name, got.in)
	_ = r.table.Flush()
}

// sum prints how much it was, and what to look at to make it less.
func (r *report) sum(results []result) {
	verdicts := make(map[verdict]int)
	var total time.Duration
	for _, got := range results {
		verdicts[got.verdict]++
		total += got.processor()
	}
	_, _ = fmt.Fprintf(r.out, "\n%v, %.0f seconds of processor time; the most by:\n", verdicts, total.Seconds())
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(b.processor(), a.processor()) })
	for _, got := range results[:min(10, len(results))] {
		r.row(got)
	}
}
