// Command mutants takes the project's safeguards out, one at a time, on a copy,
// and expects a test to notice each loss: every flush, every step whose order
// matters, every check that keeps a message single. It prints each mutant with
// its verdict and fails if one survived or does not apply any more.
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
	"text/tabwriter"
	"time"
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
	os.Exit(run(ctx, match, *verbose))
}

func run(ctx context.Context, match *regexp.Regexp, verbose bool) int {
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "verdict\tseconds\tmutant\tin")
	status := 0
	for _, m := range all() {
		if !match.MatchString(m.name) {
			continue
		}
		start := time.Now()
		v, said := m.try(ctx)
		if v != caught {
			status = 1
		}
		_, _ = fmt.Fprintf(table, "%s\t%.0f\t%s\t%s\n", v, time.Since(start).Seconds(), m.name, m.file)
		_ = table.Flush()
		if verbose {
			fmt.Println(said)
		}
		if ctx.Err() != nil {
			return 1
		}
	}
	return status
}
