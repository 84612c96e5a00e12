// Command mutants takes the project's safeguards out, one at a time, on a copy,
// and expects a test to notice each loss: every flush, every step whose order
// matters, every check that keeps a message single. First it runs the same tests
// on the project as it is: they must pass. It prints each mutant with its verdict
// and fails if one survived or does not apply any more.
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
	"syscall"
)

func main() {
	only := flag.String("only", "", "run the mutants whose name matches this regular expression")
	verbose := flag.Bool("v", false, "print what the tests said")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var chosen []mutant
	for _, m := range all() {
		if match.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	os.Exit(run(ctx, chosen, newReport(os.Stdout, *verbose)))
}

// run returns the exit status: 0 where every mutant was caught.
func run(ctx context.Context, chosen []mutant, r *report) int {
	jobs, err := soundness(chosen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 1
	}
	defer jobs.remove()
	if !r.run(ctx, jobs.list, sound) {
		return 1
	}
	var list []job
	for _, m := range chosen {
		list = append(list, job{name: m.name, in: m.file, try: m.try})
	}
	if !r.run(ctx, list, caught) {
		return 1
	}
	return 0
}
