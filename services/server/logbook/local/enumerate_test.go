package local

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

var (
	full      = flag.Bool("full", false, "enumerate every crash point, not a sample of them")
	crashSeed = flag.Uint64("seed", 1, "of what survives a crash")
)

// TestPowerCutEverywhere stops a run after each of its operations, lets what
// was not flushed reach the disk or not, with every Survival, and opens
// the logbook on what is left.
func TestPowerCutEverywhere(t *testing.T) {
	for _, run := range powerCuts() {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			tr, start, drafts, contents, indexed := run.record(t)
			again := 0
			states := 0
			tried := make(tried)
			for n := range len(tr.steps) + 1 {
				drive, receipted, signed := tr.at(start, n)
				for i, w := range survivals(n) {
					if t.Failed() {
						return // one state tells enough
					}
					left := drive.After(w)
					if i%2 == 0 { // else it is made anew
						left[index.Path] = indexed
					}
					what := fmt.Sprintf("power cut before operation %d (%s), %s survives", n, stepName(tr.steps, n), w.Name)
					c := &cut{what, run, left, w.Ordered, receipted, signed, drafts, contents, tried}
					if states++; states%97 == 0 || *full && !tried[c.key()] {
						again += c.checkTwice(t)
					}
					c.check(t)
				}
			}
			t.Logf("%d operations, %d states of the disk, %d more by a second cut during recovery; %d of them differ",
				len(tr.steps), states, again, len(tried))
			if len(tr.steps) < 100 {
				t.Error("something does not go through the volume")
			}
		})
	}
}

// survivals are those tried at crash point n.
func survivals(n int) []durabletest.Survival {
	seed := *crashSeed + uint64(n)*100
	if !*full { // neighbours share the work
		if n%2 == 0 {
			return []durabletest.Survival{durabletest.Nothing, durabletest.AtRandom(seed, true)}
		}
		return []durabletest.Survival{durabletest.Everything, durabletest.AtRandom(seed, false)}
	}
	ws := []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
		durabletest.AtRandom(seed, true), durabletest.AtRandom(seed+1, false)}
	for i := range uint64(8) {
		ws = append(ws, durabletest.AtRandom(seed+2+i, i%2 == 0))
	}
	return ws
}

func stepName(steps []disk.Step, n int) string {
	if n == len(steps) {
		return "the end"
	}
	return fmt.Sprint(steps[n].Op, " ", steps[n].Name)
}

// cut is the disk after a power cut, and what is known of the time before.
type cut struct {
	what      string
	run       powerCut
	left      map[string][]byte
	ordered   bool
	receipted map[message.ID][]byte
	signed    []receipt.Checkpoint // that receipts and pollers have
	drafts    []logbook.Draft
	contents  [][]byte
	tried     tried
}

// tried are the keys of the cuts that were checked.
type tried map[[sha256.Size]byte]bool

// key is the same for cuts that leave the same disk and the same promises: many do,
// since recovery repeats itself.
func (c *cut) key() (key [sha256.Size]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.left)) {
		fmt.Fprintf(h, "%q %q\n", name, c.left[name])
	}
	var promised []string
	for id, line := range c.receipted {
		promised = append(promised, fmt.Sprintf("%v %s", id, line))
	}
	for _, s := range c.signed {
		promised = append(promised, fmt.Sprintf("%d %v", s.Size, s.Root))
	}
	slices.Sort(promised)
	fmt.Fprintf(h, "%t %q\n", c.ordered, slices.Compact(promised))
	return [sha256.Size]byte(h.Sum(key[:0]))
}

// check looks at the disk with a poller's eyes, recovers it, and expects every
// receipt to hold and nothing that was seen to have changed.
func (c *cut) check(t *testing.T) {
	t.Helper()
	key := c.key()
	if c.tried[key] {
		return
	}
	c.tried[key] = true
	seen := c.poll(t)
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir) // not only at the end: there are many thousands
	durabletest.Put(t, dir, c.left)
	checkSurvived(t, c.what, layout(dir, c.run.sharded), c.drafts, c.contents, c.receipted)
	after := durabletest.Get(t, dir)
	for name, text := range seen {
		if !bytes.Equal(after[name], text) {
			t.Errorf("%s: a poller saw %s, and it changed", c.what, name)
		}
	}
	checkExtends(t, c.what, after[manifest.Path], append(c.signed, c.published(t)...))
	if lines := c.lines(); !bytes.HasPrefix(after[manifest.Path], lines) {
		t.Errorf("%s: a poller saw manifest lines, and they changed:\n%s", c.what, lines)
	}
}

// poll returns the log files that a poller finds: all of them whole.
func (c *cut) poll(t *testing.T) map[string][]byte {
	t.Helper()
	seen := make(map[string][]byte)
	for name, text := range c.left {
		if _, ok := logfile.ParsePath(strings.TrimPrefix(name, disk.LogsDir+"/")); !ok {
			continue
		}
		if _, err := logfile.Parse(bytes.NewReader(text), int64(len(text))); err != nil {
			t.Errorf("%s: a poller finds half a file, %s: %v", c.what, name, err)
		}
		seen[name] = text
	}
	return seen
}

// published returns the checkpoint that a poller finds, which is whole.
func (c *cut) published(t *testing.T) []receipt.Checkpoint {
	t.Helper()
	text, ok := c.left[engine.CheckpointPath]
	if !ok {
		return nil
	}
	found, err := testNotary.OpenCheckpoint(text)
	if err != nil {
		t.Errorf("%s: a poller finds the checkpoint %q: %v", c.what, text, err)
		return nil
	}
	return []receipt.Checkpoint{found}
}

// checkExtends expects the manifest to be the one that the checkpoints were
// signed for, or to go on from there.
func checkExtends(t *testing.T, what string, manifest []byte, signed []receipt.Checkpoint) {
	t.Helper()
	var all receipt.Hasher
	roots := []tlog.Hash{all.Root()}
	for line := range bytes.Lines(manifest) {
		all.Add(bytes.TrimSuffix(line, []byte("\n")))
		roots = append(roots, all.Root())
	}
	for _, c := range signed {
		if c.Size >= uint64(len(roots)) || roots[c.Size] != c.Root {
			t.Errorf("%s: the manifest of %d lines is not what was signed for %d", what, len(roots)-1, c.Size)
		}
	}
}

// lines returns the whole manifest lines that a poller finds. No promise is made
// for a file system that keeps a later part of a file without an earlier one.
func (c *cut) lines() []byte {
	text := c.left[manifest.Path]
	if !c.ordered {
		return nil
	}
	return text[:bytes.LastIndexByte(text, '\n')+1]
}

// checkTwice cuts the power again after each operation of the recovery, and of
// one group behind it.
func (c *cut) checkTwice(t *testing.T) (states int) {
	t.Helper()
	start := make(map[string][]byte)
	for name, text := range c.left {
		if name != index.Path {
			start[name] = text
		}
	}
	tr := &trace{steps: mkdirs(start)}
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir) // not only at the end: there are many thousands
	durabletest.Put(t, dir, start)
	book, err := Open(c.run.tracing(dir, tr))
	if err != nil {
		t.Errorf("%s: %v", c.what, err)
		return 0
	}
	last := len(c.drafts) - 1
	facts, err := logbooktest.Append(t.Context(), book, c.drafts[last], c.contents[last])
	if err != nil {
		t.Errorf("%s: then %v", c.what, err)
	} else {
		tr.receipted(t, book, c.drafts[last].ID, facts)
	}
	tr.mu.Lock()
	done := len(tr.steps)
	tr.mu.Unlock()
	if err := book.Close(); err != nil {
		t.Error(err)
	}
	for n := range done + 1 {
		drive, receipted, signed := tr.at(start, n)
		maps.Copy(receipted, c.receipted)
		for _, w := range []durabletest.Survival{durabletest.Nothing, durabletest.AtRandom(uint64(n), false)} {
			second := *c
			second.what = fmt.Sprintf("%s; again before operation %d (%s)", c.what, n, stepName(tr.steps, n))
			second.left, second.ordered = drive.After(w), false
			second.receipted, second.signed = receipted, append(signed, c.signed...)
			second.check(t)
			states++
		}
	}
	return states
}
