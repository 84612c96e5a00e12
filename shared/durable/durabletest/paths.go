package durabletest

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// From is what the path of a call starts from.
type From string

// What a path starts from. A path such as /proc/self/fd/5 starts from an open
// directory or file: the kernel does not walk to where that lies.
const (
	FromOpen    From = "open"
	FromWorking From = "working directory"
	FromTop     From = "/"
)

// PathCall is one system call with a path that leads to a watched directory or
// below it. A call with two such paths, as a rename has them, is two of these.
// Calls that failed count: they walked all the same.
type PathCall struct {
	Name    string // as strace(1) names it
	Root    string // the watched directory
	Path    string // below it; "" is the directory itself
	From    From
	Steps   int    // components of the path that are walked at or below Root, "." not counted
	Up      bool   // one of them is ".."
	Follows bool   // a link in its last component is followed
	Flags   string // those that matter to a walk, as strace(1) names them
}

// Breach says why another user who writes in the watched directory may choose
// what the call reaches, "" where they cannot: it starts from an open directory,
// walks one component, and follows nothing.
func (c PathCall) Breach() string {
	switch {
	case c.Name == ioUring:
		return "calls behind it are not seen"
	case c.From == FromTop:
		return "walks from /"
	case c.From == FromWorking:
		return "walks from the working directory"
	case c.Up:
		return "walks up"
	case c.Steps > 1:
		return fmt.Sprintf("walks %d components", c.Steps)
	case c.Follows:
		return "follows a link"
	}
	return ""
}

func (c PathCall) String() string {
	text := fmt.Sprintf("%s %q from %s, %d steps", c.Name, c.Path, c.From, c.Steps)
	if c.Flags != "" {
		text += ", " + c.Flags
	}
	return text
}

// Watch says what PathCalls looks for.
type Watch struct {
	// Roots are the directories, as absolute paths without links.
	Roots []string
	// Kill ends the program, as kill -9 would, at the first call for which it
	// returns true, before the kernel does what is asked. May be nil.
	Kill func(PathCall) bool
}

// PathCalls runs a command to its end under ptrace(2) and returns each system
// call of it, and of the programs that it starts, that was given a path to a
// watched directory or below. See Trace for what tracing needs.
//
// Not seen: calls of 32-bit programs; and what a path reaches if another process
// changes the links on its way between this tracer's look and the kernel's.
func PathCalls(t testing.TB, cmd *exec.Cmd, w Watch) ([]PathCall, syscall.WaitStatus) {
	t.Helper()
	l := &lookout{Watch: w}
	state := traceCalls(t, cmd, l.enter)
	return l.calls, state
}

type lookout struct {
	Watch
	calls []PathCall
}

func (l *lookout) enter(tid int, nr uint64, args [6]uint64) (end func(int64)) {
	for _, c := range l.look(process(tid), nr, args) {
		l.calls = append(l.calls, c)
		if l.Kill != nil && l.Kill(c) {
			l.Kill = nil
			_ = unix.Kill(tid, unix.SIGKILL)
		}
	}
	return nil
}

// look returns the call once for each of its paths that leads to a root.
func (l *lookout) look(p process, nr uint64, args [6]uint64) (found []PathCall) {
	k, ok := kindsOfCall[nr]
	if !ok {
		return nil
	}
	if k.name == ioUring {
		return []PathCall{{Name: k.name}}
	}
	for _, at := range k.paths {
		c := PathCall{Name: k.name}
		if !l.reach(&c, p.walk(at, args)) {
			continue
		}
		c.Follows, c.Flags = at.last(p, args)
		// There is no last component, so nothing that could be a link.
		c.Follows = c.Follows && (c.Steps > 0 || c.From != FromOpen)
		found = append(found, c)
	}
	return found
}

// reach completes c with a walk, and reports whether that leads to a root.
func (l *lookout) reach(c *PathCall, w walk) bool {
	for _, root := range l.Roots {
		for _, end := range w.ends() {
			below, ok := under(root, end)
			if !ok {
				continue
			}
			c.Root, c.Path, c.From = root, below, w.from
			c.Steps, c.Up = len(w.names), slices.Contains(w.names, "..")
			if w.from != FromOpen { // the way to the root is not another user's
				c.Steps = len(components(below))
			}
			return true
		}
	}
	return false
}

// under returns what of a path lies below root.
func under(root, path string) (below string, ok bool) {
	if path == root {
		return "", true
	}
	return strings.CutPrefix(path, root+"/")
}

// Breaches returns those of calls that break the rule of PathCall.Breach.
func Breaches(calls []PathCall) []PathCall {
	return slices.DeleteFunc(slices.Clone(calls), func(c PathCall) bool { return c.Breach() == "" })
}

// PathTable shows calls by kind: how often each was made, and an example.
func PathTable(calls []PathCall) string {
	type kind struct{ name, from, steps, flags, breach string }
	count, example := map[kind]int{}, map[kind]string{}
	for _, c := range calls {
		k := kind{c.Name, string(c.From), fmt.Sprint(c.Steps), c.Flags, c.Breach()}
		if c.Path == "" && c.From != FromOpen {
			k.steps = "itself"
		}
		count[k]++
		example[k] = cmp.Or(c.Path, ".")
	}
	kinds := make([]kind, 0, len(count))
	for k := range count {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.breach, b.breach), cmp.Compare(a.name, b.name), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "call\ttimes\tfrom\tsteps\tflags\tbreach\tas in")
	for _, k := range kinds {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", k.name, count[k], k.from, k.steps, cmp.Or(k.flags, "-"),
			cmp.Or(k.breach, "-"), example[k])
	}
	_ = w.Flush() // to memory
	return text.String()
}
