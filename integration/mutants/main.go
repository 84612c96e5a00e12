// Command mutants takes the project's safeguards out, one at a time, on a copy,
// and expects a test to notice each loss: every flush, every step whose order
// matters, every check that keeps a message single. First it runs the same tests
// on the project as it is: they must pass. It prints each mutant with its verdict,
// the seconds that it took, and how much processor time its build and its tests
// did; it fails if one survived or does not apply any more.
//
// Each mutant is a file below testdata; its form is described at the function
// parse.
//
//	go run ./integration/mutants [-only REGEXP] [-v]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
)

// data is where the mutants are, from the root of the module.
const data = "integration/mutants/testdata"

func main() {
	only := flag.String("only", "", "run the mutants whose name or file matches this regular expression")
	verbose := flag.Bool("v", false, "print what the tests said")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	list, err := load(os.DirFS(data))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
	list = slices.DeleteFunc(list, func(m mutant) bool {
		return !match.MatchString(m.what) && !match.MatchString(m.change.File)
	})
	if len(list) == 0 {
		fmt.Fprintln(os.Stderr, "mutants: -only names none")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, list, newReport(os.Stdout, *verbose)))
}

// run returns the exit status: 0 where every mutant was caught.
func run(ctx context.Context, mutants []mutant, r *report) int {
	var jobs []job
	for _, s := range suites(mutants) {
		jobs = append(jobs, job{"nothing is lost", s.pkg, s.check})
	}
	if results := r.run(ctx, jobs, sound); !all(results, sound) {
		return 1
	}
	jobs = nil
	for _, m := range mutants {
		jobs = append(jobs, job{m.what, m.change.File, m.try})
	}
	results := r.run(ctx, jobs, caught)
	r.sum(results)
	if !all(results, caught) {
		return 1
	}
	return 0
}

func all(results []result, want verdict) bool {
	return !slices.ContainsFunc(results, func(r result) bool { return r.verdict != want })
}
