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
// With -against DIR the server and the load of another tree, an earlier commit
// for instance, take part in every round of small, alone, large, idle and neighbour.
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
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"sealpost/shared/settings"
)

// bench is one run of the program: what the command line says, and what its
// cases share.
type bench struct {
	dir, against                          string
	rounds, messages, connections, growth int
	listing, known, retire                int
	large                                 settings.Bytes
	settle                                time.Duration // before the memory of idle is read
	soak                                  time.Duration

	out      io.Writer // the report
	progress io.Writer // what is being done now, and what failed
	base     string    // everything of this run lies in this directory
	disk     disk
	trees    []*tree // this one, and the one to compare it with
	runs     int
	summary  [][]string
}

func (b *bench) flags() *flag.FlagSet {
	b.settle = 5 * time.Second
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(b.progress)
	f.StringVar(&b.dir, "dir", os.TempDir(), "where the data goes, in a fresh directory; must lie on a disk")
	f.StringVar(&b.against, "against", "", "another tree of Sealpost, whose server and load take part in every round")
	f.IntVar(&b.rounds, "rounds", 5, "rounds of every case but growth; alone has four times as many")
	f.IntVar(&b.messages, "messages", 16384, "messages in a run of small, outbox, collect and neighbour")
	f.TextVar(&b.large, "large", settings.Bytes(1<<30), "size of the large message")
	f.IntVar(&b.connections, "connections", 10_000, "idle connections")
	f.IntVar(&b.growth, "growth", 1_000_000, "stored messages at the end of growth")
	f.IntVar(&b.known, "known", 100_000, "files of news that are there already")
	f.IntVar(&b.listing, "listing", 200_000, "files that listing makes in each layout")
	f.IntVar(&b.retire, "retire", 100_000, "log files that retire removes, in all rounds together")
	f.DurationVar(&b.soak, "soak", 10*time.Minute, "how long soak lasts")
	f.BoolFunc("quick", "small numbers, to see that all cases run; flags after it count", func(string) error {
		b.rounds, b.messages, b.large, b.connections, b.growth, b.settle = 1, 256, 1<<20, 10, 100, 0
		b.listing, b.known, b.retire, b.soak = 100, 100, 100, 3*time.Second
		return nil
	})
	f.Usage = func() {
		fmt.Fprint(b.progress, "usage: bench [flags] [case...]\n\nWithout a case, all of them run:\n")
		for _, c := range cases {
			fmt.Fprintf(b.progress, "  %-10s %s\n", c.name, c.about)
		}
		fmt.Fprintln(b.progress)
		f.PrintDefaults()
	}
	return f
}

// parse reads the command line and returns the cases to run.
func (b *bench) parse(args []string) ([]benchCase, error) {
	flags := b.flags()
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if min(b.rounds, b.messages, b.connections, b.growth, b.listing, b.known, b.retire) < 1 || b.large == 0 ||
		b.soak < time.Second {
		return nil, errors.New("every number must be at least 1, and a soak last a second")
	}
	if flags.NArg() == 0 {
		return cases, nil
	}
	left := func(c benchCase) bool { return !slices.Contains(flags.Args(), c.name) }
	chosen := slices.DeleteFunc(slices.Clone(cases), left)
	if len(chosen) != flags.NArg() {
		return nil, fmt.Errorf("%q: a case is unknown or there twice; bench -h shows them", flags.Args())
	}
	return chosen, nil
}

// benchCase is one of the measurements.
type benchCase struct {
	name, about string
	run         func(context.Context, *bench) error
}

var cases = []benchCase{
	{"small", "1 KiB messages from 64 senders and from one: rate and processor time", runSmall},
	{"alone", "one message at a time: time to the receipt", runAlone},
	{"outbox", "files of 1 KiB through an outbox, with one client and several: rate and flushes", runOutbox},
	{"collect", "log files by the driver, by a bare loop and by lftp: rate", runCollect},
	{"large", "one message of 1 GiB, and the server's memory", runLarge},
	{"idle", "the server's memory with 10,000 idle connections", runIdle},
	{"neighbour", "as small, beside a writer that keeps the disk busy", runNeighbour},
	{"news", "a few new log files beside many that the driver has: time and bytes", runNews},
	{"retire", "time to the receipt while server retire removes 100,000 log files, in five rounds", runRetire},
	{"listing", "time of FTP listings of many log files, flat and sharded", runListing},
	{"soak", "ten minutes of full load, misbehaving peers and slow flushes: what the server holds", runSoak},
	{"growth", "memory and start-up with up to a million stored messages", runGrowth},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal does not wait for the removals
	if slices.Contains(os.Environ(), asLoad) {
		if err := playLoad(ctx, json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)); !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "bench: load:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command runs the cases that args name and returns the exit status.
func command(ctx context.Context, args []string, out, progress io.Writer) int {
	b := &bench{out: out, progress: progress}
	chosen, err := b.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		b.say("%v", err)
		return 2
	}
	if err := b.run(ctx, chosen); err != nil {
		b.say("%v", err)
		return 1
	}
	return 0
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// run runs the cases and reports. One that fails does not keep the others from
// running.
func (b *bench) run(ctx context.Context, chosen []benchCase) (err error) {
	if b.base, err = os.MkdirTemp(b.dir, "sealpost-bench-"); err != nil {
		return err
	}
	defer func() {
		b.say("removing what was written")
		err = errors.Join(err, os.RemoveAll(b.base))
	}()
	if b.disk, err = diskOf(b.base); err != nil {
		return err
	}
	if err := b.addTrees(ctx); err != nil {
		return err
	}
	b.printHead()
	for _, c := range chosen {
		if ctx.Err() != nil {
			break
		}
		b.say("%s: %s", c.name, c.about)
		if e := c.run(ctx, b); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", c.name, e))
		}
	}
	b.printSummary()
	return err
}
