// Package faults breaks things around real server and client processes, under
// load, and compares what is on the volume afterwards with what the senders
// know: their receipts are kept in a [ledger.Ledger], and a poller reads the
// volume all the while.
//
// Each fault has a short form with a fixed seed, which always runs, and a full
// one (-faults.full, or SEALPOST_FAULTS=full). For each, a line of a table is
// printed: what was sent, receipted, found, lost, doubled, half-written.
//
// Verdicts never depend on timing. Where the moment of a fault is drawn at
// random it is drawn from -faults.seed; which instruction it hits is up to the
// machine, and every such moment must be survived.
package faults

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"sealpost/integration/faults/ledger"

	// The programs are built apart. Their code is named here so that a verdict
	// which go test has cached does not stand for a program that has changed.
	_ "sealpost/services/client/cli"
	_ "sealpost/services/driver/cli"
	_ "sealpost/services/server/cli"
)

var (
	full = flag.Bool("faults.full", os.Getenv("SEALPOST_FAULTS") == "full",
		"the full form of every fault: minutes instead of seconds")
	seed = flag.Uint64("faults.seed", 2012, "what random choices are drawn from")
)

// programs is the directory with the programs under test.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	if err := runMoreAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

// runMoreAtOnce raises the number of tests that run at once, where the command
// line does not set it: most of their time they wait for other processes.
func runMoreAtOnce() error {
	const name = "test.parallel"
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	if set {
		return nil
	}
	return flag.Set(name, fmt.Sprint(3*runtime.GOMAXPROCS(0)))
}

func run(m *testing.M) int {
	dir, err := build()
	defer func() { _ = os.RemoveAll(dir) }()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	programs = dir
	code := m.Run()
	results.print()
	return code
}

// build makes the programs from the sources as they are now.
func build() (dir string, err error) {
	dir, err = os.MkdirTemp("", "sealpost-faults-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "sealpost/services/server",
		"sealpost/services/client", "sealpost/services/driver")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
}

// rounds is how often a fault is repeated.
func rounds(short, long int) int {
	if *full {
		return long
	}
	return short
}

// table collects the reports of all tests; those of one fault are one line.
type table struct {
	mu      sync.Mutex
	reports map[string]ledger.Report
}

var results table

// report says what an audit found of a fault, and fails the test if there is
// anything that must not be.
func (tab *table) report(t *testing.T, fault string, r ledger.Report) {
	t.Helper()
	t.Log(strings.Join(append([]string{fault}, r.Row()...), " | "))
	for i, f := range r.Findings {
		if i == maxFindings {
			t.Errorf("and %d more", len(r.Findings)-i)
			break
		}
		t.Error(f)
	}
	if r.Found == 0 {
		t.Errorf("%s: no message was found: the fault hit nothing", fault)
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if tab.reports == nil {
		tab.reports = make(map[string]ledger.Report)
	}
	tab.reports[fault] = tab.reports[fault].Plus(r)
}

const maxFindings = 20

func (tab *table) print() {
	if len(tab.reports) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "\nfault\t| %s\n", strings.Join(ledger.Columns, "\t| "))
	for _, fault := range slices.Sorted(maps.Keys(tab.reports)) {
		fmt.Fprintf(w, "%s\t| %s\n", fault, strings.Join(tab.reports[fault].Row(), "\t| "))
	}
	_ = w.Flush() // what is lost here is in the tests' own logs
}
