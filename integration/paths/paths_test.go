// Package paths holds every program to the rule for directories in which another
// user may write: they are opened once, by the path that the operator gave, and
// everything in them is reached from what is open, one name at a time, without
// following a link. Each test runs the real program under ptrace(2), and prints
// the table of its system calls with a path.
package paths

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	client "sealpost/services/client/cli"
	driver "sealpost/services/driver/cli"
	server "sealpost/services/server/cli"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

// programEnv makes the test binary that program.
const programEnv = "PATHS_TEST_PROGRAM"

func TestMain(m *testing.M) {
	ctx := signals.Context(context.Background())
	switch program := os.Getenv(programEnv); program {
	case "":
		os.Exit(m.Run())
	case "client":
		os.Exit(client.Main(ctx, os.Args[1:], voice.Standard()))
	case "driver":
		os.Exit(driver.Main(ctx, os.Args[1:], voice.Standard()))
	case "server":
		os.Exit(server.Main(ctx, os.Args[1:], voice.Standard()))
	default:
		panic(program)
	}
}

// table is what runs of a program did in the roots.
type table struct {
	*testing.T
	program string
	env     []string
	roots   []string
	calls   []durabletest.PathCall
	runs    [][]durabletest.PathCall
	log     io.Writer // gets what the program prints too; may be nil
}

// run runs the program to its end, which is to be exit status want, and returns
// what it printed.
func (b *table) run(want int, args ...string) (out string) {
	b.Helper()
	return b.runContext(b.Context(), want, args...)
}

// runContext is run for a program that gets SIGTERM when ctx ends.
func (b *table) runContext(ctx context.Context, want int, args ...string) (out string) {
	b.Helper()
	state, out := b.trace(ctx, nil, args...)
	if !state.Exited() || state.ExitStatus() != want {
		b.Fatalf("%s %q: status %v, want %d\n%s", b.program, args, state, want, out)
	}
	return out
}

// runKilled runs the program up to the first call for which at says so.
func (b *table) runKilled(at func(durabletest.PathCall) bool, args ...string) {
	b.Helper()
	if state, out := b.trace(b.Context(), at, args...); !state.Signaled() {
		b.Fatalf("%s %q was not killed: status %v\n%s", b.program, args, state, out)
	}
}

func (b *table) trace(ctx context.Context, kill func(durabletest.PathCall) bool,
	args ...string) (syscall.WaitStatus, string) {
	b.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	// A race-enabled program else waits a second before it exits.
	cmd.Env = append(b.env, "GORACE=atexit_sleep_ms=0", programEnv+"="+b.program)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if b.log != nil {
		cmd.Stderr = io.MultiWriter(&out, b.log)
	}
	calls, state := durabletest.PathCalls(b, cmd, durabletest.Watch{Roots: b.roots, Kill: kill})
	b.calls = append(b.calls, calls...)
	b.runs = append(b.runs, calls)
	return state, out.String()
}

// wayIn is a call that may go to a root by its path, which is the operator's word.
type wayIn struct {
	call  string
	often bool // else once in a run
	why   string
}

var (
	opened = wayIn{call: "openat", why: "what follows starts from there"}
	// Each part of the program starts from the operator's path, and goes on from
	// what it opened; none goes by what another one found.
	openedByEach = wayIn{call: "openat", often: true, why: "each part starts there, and goes on from what it opened"}
	// What is used is opened after it.
	looked = wayIn{call: "newfstatat", often: true, why: "whether it is to be made"}
	// Nothing is opened by a look, and nothing is done but to end.
	inPlace = wayIn{call: "newfstatat", often: true, why: "whether what is open still lies there"}
	// What the system tells of another directory asks for a needless look at this one.
	watched = wayIn{call: "inotify_add_watch", often: true, why: "when to look; a look goes by what is open"}
	kind    = wayIn{call: "statfs", often: true, why: "whether the system tells of all, or how soon to look without"}
)

// check prints the table and holds each run to the rule, but for the ways into
// the roots.
func (b *table) check(ways ...wayIn) {
	b.Helper()
	b.Logf("%s\n%s", b.program, durabletest.PathTable(b.calls))
	broken := make(map[string]int)
	for _, calls := range b.runs {
		used := make(map[string]bool)
		for _, c := range durabletest.Breaches(calls) {
			root := c.Name + " " + c.Root
			if i := slices.IndexFunc(ways, func(w wayIn) bool { return w.call == c.Name }); c.Path == "" && i >= 0 &&
				(ways[i].often || !used[root]) {
				used[root] = true
				continue
			}
			broken[fmt.Sprintf("%s: %v", c.Breach(), c)]++
		}
	}
	for call, times := range broken {
		b.Errorf("another user may choose what is reached, %d times: %s", times, call)
	}
	for _, w := range ways {
		b.Logf("the directory itself, %s: %s", w.call, w.why)
	}
}

func realDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "paths")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
