package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"
)

// atOnce is how many jobs run at the same time: while one waits for the disk
// another one compiles.
const atOnce = 2

// job is one line of the list that is printed.
type job struct {
	name, in string
	try      func(context.Context) outcome
}

// plain is the tests on the project as it is.
type plain struct {
	list []job
	dir  string
}

func (p plain) remove() { _ = os.RemoveAll(p.dir) }

// soundness makes a job of every suite that the mutants need. Each package is
// built once.
func soundness(mutants []mutant) (p plain, err error) {
	if p.dir, err = os.MkdirTemp("", "mutants"); err != nil {
		return p, err
	}
	builds := make(map[string]func(context.Context) (string, string, error))
	seen := make(map[suite]bool)
	for _, m := range mutants {
		if seen[m.suite] {
			continue
		}
		seen[m.suite] = true
		if builds[m.tests] == nil {
			builds[m.tests] = onceIn(filepath.Join(p.dir, fmt.Sprint(len(builds))), m.tests)
		}
		p.list = append(p.list, job{name: "nothing is lost: " + m.run, in: m.tests, try: func(ctx context.Context) outcome {
			binary, said, err := builds[m.tests](ctx)
			if err != nil {
				return outcome{doesNotBuild, said}
			}
			return m.suite.check(ctx, binary)
		}})
	}
	return p, nil
}

// onceIn builds the tests of a package when they are first needed.
func onceIn(dir, tests string) func(context.Context) (binary, said string, err error) {
	var once sync.Once
	var binary, said string
	var err error
	return func(ctx context.Context) (string, string, error) {
		once.Do(func() {
			if err = os.Mkdir(dir, 0o700); err == nil {
				binary, said, err = build(ctx, dir, tests)
			}
		})
		return binary, said, err
	}
}

// report prints the list as it comes about.
type report struct {
	table   *tabwriter.Writer
	out     io.Writer
	verbose bool
}

func newReport(out io.Writer, verbose bool) *report {
	r := &report{tabwriter.NewWriter(out, 16, 8, 2, ' ', 0), out, verbose}
	_, _ = fmt.Fprintln(r.table, "verdict\tseconds\tmutant\tin")
	return r
}

// run does the jobs, prints them in their order, and reports whether all ended
// as wanted.
func (r *report) run(ctx context.Context, jobs []job, want verdict) (ok bool) {
	type result struct {
		outcome
		took time.Duration
	}
	results := make([]chan result, len(jobs))
	places := make(chan struct{}, atOnce)
	for i := range jobs {
		results[i] = make(chan result, 1)
	}
	go func() {
		for i, j := range jobs {
			places <- struct{}{}
			go func() {
				start := time.Now()
				o := j.try(ctx)
				results[i] <- result{o, time.Since(start)}
				<-places
			}()
		}
	}()
	ok = true
	for i, j := range jobs {
		got := <-results[i]
		ok = ok && got.verdict == want
		_, _ = fmt.Fprintf(r.table, "%s\t%.0f\t%s\t%s\n", got.verdict, got.took.Seconds(), j.name, j.in)
		_ = r.table.Flush()
		if r.verbose || want == sound && got.verdict != sound {
			_, _ = fmt.Fprintln(r.out, got.said)
		}
	}
	return ok
}
