package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
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

// report prints results as they come.
type report struct {
	out     io.Writer
	verbose bool
}

func newReport(out io.Writer, verbose bool) *report {
	_, _ = fmt.Fprintln(out, "verdict         seconds  build CPU  tests CPU  mutant")
	return &report{out, verbose}
}

// run does the jobs, two for each processor, as tests wait too, prints them in
// their order, with what was said where that is not wanted, and returns their
// results.
func (r *report) run(ctx context.Context, jobs []job, want verdict) (results []result) {
	waiting := make([]chan result, len(jobs))
	for i := range jobs {
		waiting[i] = make(chan result, 1)
	}
	go start(ctx, jobs, waiting)
	for _, w := range waiting {
		got := <-w
		results = append(results, got)
		r.row(got)
		if r.verbose || got.verdict != want {
			_, _ = fmt.Fprintln(r.out, got.said)
		}
	}
	return results
}

func start(ctx context.Context, jobs []job, results []chan result) {
	places := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
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
	_, _ = fmt.Fprintf(r.out, "%-14s  %7.0f  %9.1f  %9.1f  %s (%s)\n",
		got.verdict, got.took.Seconds(), got.build.Seconds(), got.tests.Seconds(), got.name, got.in)
}

// sum prints how many there were of each verdict, and the mutants that took
// longest: by the seconds, as tests may also wait.
func (r *report) sum(results []result) {
	verdicts := make(map[verdict]int)
	var total time.Duration
	for _, got := range results {
		verdicts[got.verdict]++
		total += got.build + got.tests
	}
	_, _ = fmt.Fprintf(r.out, "\n%v in %.0f seconds of processor time; the slowest:\n", verdicts, total.Seconds())
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(b.took, a.took) })
	for _, got := range results[:min(10, len(results))] {
		r.row(got)
	}
}
