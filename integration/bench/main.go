// Command bench measures Sealpost as whole processes, each figure beside a
// floor that was measured in the same run on the same disk.
//
//	go run ./integration/bench [flags] [case...]
//
// The server is built from the sources and runs as a process of its own; so
// does the load, a second process of this program that uses the client's
// courier. What each costs is therefore seen apart. The server's log lines, one
// a message as in production, go to memory, so that they cost the disk nothing.
//
// Guaranteed: every message of a run has its receipt, and after the run the
// manifest has one line for each, or the case fails. Runs that belong together
// alternate, each in a fresh directory, and nothing is removed before the end:
// removing many files slows the runs after it. Not guaranteed: that a time
// repeats. The ratios of one run are what can be compared, and the writes and
// flushes of the disk, which counts those of other programs too.
//
// Exit status: 0 every case ran, whatever was met or missed; 1 one could not
// run; 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"sealpost/shared/settings"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// options are what the command line can change.
type options struct {
	dir         string
	rounds      int
	messages    int
	sizeRounds  int
	blocks      int
	large, huge settings.Bytes
	connections int
	growth      int
}

func (o *options) flags(out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.dir, "dir", os.TempDir(), "where the data goes, in a fresh directory; must lie on a real disk")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of small, large and neighbour")
	f.IntVar(&o.messages, "messages", 16384, "messages in a run of small and neighbour")
	f.IntVar(&o.sizeRounds, "size-rounds", 2, "rounds of sizes")
	f.IntVar(&o.blocks, "blocks", 20, fmt.Sprintf("blocks of %d messages in alone", blockSize))
	f.TextVar(&o.large, "large", settings.Bytes(1<<30), "size of the large message")
	f.TextVar(&o.huge, "huge", settings.Bytes(4<<30), "size of a larger one, for the server's memory alone; 0: none")
	f.IntVar(&o.connections, "connections", 10_000, "idle connections")
	f.IntVar(&o.growth, "growth", 1_000_000, "stored messages at the end of growth")
	f.Usage = func() {
		fmt.Fprint(out, usageText())
		f.PrintDefaults()
	}
	return f
}

func (o *options) check() error {
	for _, n := range []int{o.rounds, o.messages, o.sizeRounds, o.blocks, o.connections, o.growth} {
		if n < 1 {
			return errors.New("every number must be at least 1")
		}
	}
	if o.large == 0 {
		return errors.New("-large must be at least 1B")
	}
	return nil
}

// cases in the order in which they run.
var cases = []struct {
	name, about string
	run         func(context.Context, *bench) error
}{
	{"small", "1 KiB messages from 64 senders and from one", runSmall},
	{"sizes", "1 KiB, 64 KiB and 16 MiB from 1, 8 and 64 senders", runSizes},
	{"alone", "one message at a time: time to the receipt", runAlone},
	{"large", "one message of 1 GiB, and the server's memory", runLarge},
	{"idle", "the server's memory with 10,000 idle connections", runIdle},
	{"neighbour", "as small, beside a process that keeps the disk busy", runNeighbour},
	{"wire", "the same messages answered and not kept: what the processors allow", runWire},
	{"bound", "the same messages kept and not checked: what a bare server reaches", runBound},
	{"proofs", "the server's processor time, beside one without tree and signatures", runProofs},
	{"growth", "memory and start-up with up to a million stored messages", runGrowth},
}

func usageText() string {
	var b strings.Builder
	b.WriteString("usage: bench [flags] [case...]\n\nWithout a case, all of them run:\n")
	for _, c := range cases {
		fmt.Fprintf(&b, "  %-10s %s\n", c.name, c.about)
	}
	b.WriteString("\n")
	return b.String()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal does not wait for the removals
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playRole(ctx, role))
	}
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command runs the cases that args name and returns the exit status.
func command(ctx context.Context, args []string, out, complain io.Writer) int {
	var opts options
	flags := opts.flags(complain)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	err := opts.check()
	if err == nil {
		err = knownCases(flags.Args())
	}
	if err != nil {
		fmt.Fprintln(complain, "bench:", err)
		return exitUsage
	}
	if err := runCases(ctx, opts, flags.Args(), out, complain); err != nil {
		fmt.Fprintln(complain, "bench:", err)
		return exitFailed
	}
	return exitOK
}

func knownCases(names []string) error {
	for _, name := range names {
		if !wanted(name, caseNames()) {
			return fmt.Errorf("no case %q; bench -h shows them", name)
		}
	}
	return nil
}

func caseNames() []string {
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}
