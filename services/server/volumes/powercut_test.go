package volumes

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

var full = flag.Bool("full", false, "every survival at every crash point, not a sample of them")

// powerCut is a run on two volumes, of which either or both lose their power.
type powerCut struct {
	name  string
	start func(t *testing.T, root string)
	run   string // of runs, in a process of its own
}

var powerCuts = []powerCut{
	{"first start", func(*testing.T, string) {}, "serve"},
	{"second start", served, "serve"},
	{"identity switched", servedAndNext, "switch"},
	{"identity switched, the command killed before its flush", servedAndNext, "half a switch"},
	{"retired", served, "retire"},
	{"accepted, state volume of another server", func(t *testing.T, root string) {
		served(t, root)
		moveAway(t, root, "state")
		st, err := state.Open(filepath.Join(root, "state"))
		check(t, err)
		check(t, st.Close())
	}, "accept"},
	{"accepted, log volume of an earlier day", func(t *testing.T, root string) {
		served(t, root)
		old := durabletest.Get(t, filepath.Join(root, "data"))
		served(t, root)
		moveAway(t, root, "data")
		durabletest.Put(t, filepath.Join(root, "data"), old)
	}, "accept"},
	{"accepted, log volume lost", func(t *testing.T, root string) {
		served(t, root)
		moveAway(t, root, "data")
	}, "accept"},
}

// served is a server's whole life, with one message.
func served(t *testing.T, root string) {
	t.Helper()
	check(t, serve(root))
	check(t, os.RemoveAll(filepath.Join(root, marks)))
}

func servedAndNext(t *testing.T, root string) {
	t.Helper()
	served(t, root)
	st, err := state.Open(filepath.Join(root, "state"))
	check(t, err)
	_, err = st.NextIdentity()
	check(t, err)
	check(t, st.Close())
}

func moveAway(t *testing.T, root, name string) {
	t.Helper()
	check(t, os.RemoveAll(filepath.Join(root, name)))
	check(t, os.Mkdir(filepath.Join(root, name), 0o700))
}

// TestPowerCutOfEither cuts the power of either volume after each operation, as
// the kernel was asked for them, with the state on a file system of its own and
// on the same. The next start is ready by itself, and keeps what was receipted.
//
// A volume that lost its power earlier than the other needs no case of its own:
// its next flush would fail, and up to there it is one that keeps nothing more.
func TestPowerCutOfEither(t *testing.T) {
	for _, p := range powerCuts {
		t.Run(p.name, func(t *testing.T) {
			root := durabletest.MemoryDir(t)
			for _, name := range []string{"data", "state"} {
				check(t, os.MkdirAll(filepath.Join(root, name), 0o700))
			}
			p.start(t, root)
			start := durabletest.Get(t, root)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), rootEnv+"="+root, runEnv+"="+p.run)
			cmd.Stderr = os.Stderr
			ops, status := durabletest.Trace(t, cmd, root)
			if status.ExitStatus() != 0 {
				t.Fatalf("status %v", status)
			}
			t.Parallel() // from here on: a process that is being started holds the locks of others open
			c := &cuts{run: p.run, start: start, ops: ops, marked: durabletest.Get(t, filepath.Join(root, marks))}
			states := 0
			for _, apart := range []bool{true, false} {
				disks := newDisks(start, apart)
				for n := range len(ops) + 1 {
					if n > 0 {
						disks.apply(ops[n-1])
					}
					for _, w := range survivals(n, apart) {
						states++
						c.check(t, n, fmt.Sprintf("apart %v, power cut after operation %d, %s and %s survive",
							apart, n, w[0].Name, w[1].Name), disks.after(w))
						if t.Failed() {
							return // one state tells enough
						}
					}
				}
			}
			t.Logf("%d operations, %d states of the disks", len(ops), states)
			if len(ops) < 50 {
				t.Error("something is not seen")
			}
		})
	}
}

// survivals are those of state and log volume.
func survivals(n int, apart bool) [][2]durabletest.Survival {
	nothing, everything := durabletest.Nothing, durabletest.Everything
	random := func(i int) durabletest.Survival { return durabletest.AtRandom(uint64(n*10+i), i%2 == 0) }
	all := [][2]durabletest.Survival{{nothing, everything}, {everything, nothing}, {nothing, nothing},
		{random(0), random(1)}, {random(3), random(2)}}
	switch {
	case !apart && n%2 == 0 && !*full:
		return [][2]durabletest.Survival{{nothing, nothing}}
	case !apart:
		return [][2]durabletest.Survival{{nothing, nothing}, {random(0), random(0)}}
	case *full:
		return all
	}
	return [][2]durabletest.Survival{all[n%2], all[2+n%3]}
}

// disks are those under the volumes: two, or the same twice.
type disks map[string]*durabletest.Disk

func newDisks(start map[string][]byte, apart bool) disks {
	if !apart {
		one := durabletest.New(start)
		return disks{"state": one, "data": one}
	}
	d := disks{}
	for _, volume := range []string{"state", "data"} {
		files := make(map[string][]byte)
		for name, text := range start {
			if name == volume+"/" || strings.HasPrefix(name, volume+"/") {
				files[name] = text
			}
		}
		d[volume] = durabletest.New(files)
	}
	return d
}

func (d disks) apply(op durabletest.Op) {
	if d["state"] == d["data"] {
		d["data"].Apply(op)
		return
	}
	volume, _, _ := strings.Cut(op.Name, "/")
	if disk := d[volume]; disk != nil {
		disk.Apply(op)
	}
}

func (d disks) after(w [2]durabletest.Survival) map[string][]byte {
	left := d["state"].After(w[0])
	if d["state"] != d["data"] {
		for name, text := range d["data"].After(w[1]) {
			left[name] = text
		}
	}
	delete(left, "data/staging/index") // its own tests cut it; it is made anew
	return left
}

// cuts knows what had been said when the power went.
type cuts struct {
	run    string
	start  map[string][]byte
	ops    []durabletest.Op
	marked map[string][]byte
}

// before reports whether the run had set a mark before operation n.
func (c *cuts) before(n int, mark string) bool {
	for _, op := range c.ops[:n] {
		if op.Kind == durabletest.Rename && op.To == marks+"/"+mark {
			return true
		}
	}
	return false
}

// untouched reports whether what the volumes say of each other is as it was.
func (c *cuts) untouched(left map[string][]byte) bool {
	for _, name := range []string{"state/logbook_id", "state/checkpoint", "data/staging/logbook", "data/logs/checkpoint"} {
		if !bytes.Equal(left[name], c.start[name]) {
			return false
		}
	}
	return true
}

// check starts a server on what is left.
func (c *cuts) check(t *testing.T, n int, what string, left map[string][]byte) {
	t.Helper()
	root := durabletest.MemoryDir(t)
	durabletest.Put(t, root, left)
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "data")
	st, err := state.Open(filepath.Join(root, "state"))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer st.Close()
	_, given, err := st.Accepted() // the start looks for itself
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	opener := newOpener(root, st)
	defer opener.Close()
	book, err := opener.Open()
	if IsVerdict(err) && c.run == "accept" && !given && !c.before(n, "accepted") && c.untouched(left) {
		if verdict := Judge(dir, st); verdict == nil || verdict.Error() != err.Error() {
			t.Errorf("%s: the start says %v, and judge %v", what, err, verdict)
		}
		opener.Close()
		acceptAgain(t, what, dir, st)
		book, err = opener.Open()
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer book.Close()
	for _, mark := range []string{"receipt 1", "receipt 2"} {
		if c.before(n, mark) {
			wantKept(t, what, st, book, c.marked[mark])
		}
	}
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
		t.Errorf("%s: then %v", what, err)
	}
	if c.run == "retire" {
		if _, err := Verify(dir, st, func(d local.Difference) { t.Errorf("%s: %v", what, d) }); err != nil {
			t.Errorf("%s: verified: %v", what, err)
		}
	}
}

func acceptAgain(t *testing.T, what, dir string, st *state.State) {
	t.Helper()
	p, err := Propose(dir, st)
	if err != nil {
		t.Errorf("%s: proposed again: %v", what, err)
		return
	}
	defer p.Close()
	if _, err := p.Accept(); err != nil {
		t.Errorf("%s: accepted again: %v", what, err)
	}
}

// wantKept expects a receipt of before to hold, and the message to be there.
func wantKept(t *testing.T, what string, st *state.State, book logbook.Logbook, text []byte) {
	t.Helper()
	opened, err := receipt.Open(text, signersOf(st))
	if err != nil || opened.Origin != receipt.Origin(st.LogbookID()) {
		t.Errorf("%s: the receipt is %+v, %v", what, opened, err)
		return
	}
	e, err := logfile.ParseLine(opened.Line)
	check(t, err)
	facts, ok, err := book.Lookup(t.Context(), e.Sender, e.ID)
	if err != nil || !ok || !bytes.Equal(facts.Line, opened.Line) {
		t.Errorf("%s: a message with a receipt is %+v, %v, %v", what, facts, ok, err)
	}
}

func signersOf(st *state.State) identity.Pins {
	pins := identity.Pins{{Key: st.Identity().Public()}}
	for _, f := range st.Formers() {
		pins = append(pins, identity.Pin{Key: f.Pin.Key})
	}
	return pins
}

// newOpener keeps the zeros few that are written ahead: the race detector looks at each
// byte of them, and thousands of logbooks are opened.
func newOpener(root string, st *state.State) *Opener {
	return NewOpener(local.Config{Dir: filepath.Join(root, "data"), RotateAfter: 8 << 10}, st)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
