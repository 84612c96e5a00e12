package outbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// powerCut is a client's whole run, as its kernel saw it, on files that lie in
// the outbox before.
type powerCut struct {
	name     string
	files    map[string]string
	unsynced bool   // who put the files in did not flush their bytes
	refused  bool   // they are refused
	together bool   // each flush is one of the file system
	killed   string // the step at which a first client was killed; a second one is cut off
}

// nested are messages in directories.
var nested = map[string]string{"a/b/message": "1", "a/message": "2"}

// apart are messages in directories of which none is above another: what is flushed for one is
// nothing to the other, whichever is first.
var apart = map[string]string{"a/b/message": "1", "c/message": "2"}

// TestPowerCutEverywhere cuts the power of the client's machine after each of
// its operations. What was not flushed survives or not; the server is elsewhere
// and keeps what it has. The next run must end as if nothing had been, and what
// the first one said at its end must be true without another.
func TestPowerCutEverywhere(t *testing.T) {
	for _, p := range []powerCut{
		{name: "sent", files: manyFiles(2)},
		{name: "sent, flushed together", files: manyFiles(2), together: true},
		{name: "put in without a flush", files: manyFiles(1), unsynced: true},
		{name: "refused", files: map[string]string{"bell\a": "x"}, refused: true},
		{name: "taken over after its records", files: manyFiles(2), killed: "recorded"},
		{name: "taken over after its records, flushed together", files: manyFiles(2), killed: "recorded", together: true},
		{name: "taken over when the server had it", files: manyFiles(1), killed: "delivered"},
		{name: "taken over with its receipt", files: manyFiles(1), killed: "receipted"},
		{name: "taken over when it was moved", files: manyFiles(1), killed: "moved"},
		{name: "in directories", files: nested},
		{name: "in directories, flushed together", files: nested, together: true},
		{name: "in directories, refused", files: map[string]string{"a/bell\a": "x"}, refused: true},
		{name: "in directories, taken over without records", files: nested, killed: "claimed"},
		{name: "in directories, taken over after its records", files: nested, killed: "recorded"},
		{name: "in directories, taken over with its receipt", files: nested, killed: "receipted"},
		{name: "in directories, taken over when it was moved", files: apart, killed: "moved"},
	} {
		t.Run(p.name, func(t *testing.T) {
			start, ops := p.trace(t)
			t.Parallel() // from here on: a process that is being started holds the locks of others open
			states := 0
			for n := range len(ops) + 1 {
				if t.Failed() {
					return // one state tells enough
				}
				for _, w := range p.survivals(uint64(n)) {
					what := fmt.Sprintf("%d operations", n)
					if n < len(ops) {
						what = fmt.Sprintf("before operation %d (%s %s)", n, ops[n].Kind, ops[n].Name)
					}
					p.check(t, what+", "+w.Name+" survives", start, ops, n, w)
					states++
				}
			}
			t.Logf("%d operations, %d states of the disk", len(ops), states)
		})
	}
}

// survivals are those of a file system that keeps names in the order in which they
// changed: another one could keep a message in a directory that is lost.
func (p powerCut) survivals(n uint64) []durabletest.Survival {
	all := []durabletest.Survival{durabletest.Nothing, durabletest.Everything}
	tries := uint64(2)
	if p.killed == "delivered" {
		tries = 12 // of which few have new records' name and not their bytes
	}
	for i := range tries {
		all = append(all, durabletest.AtRandom(tries*n+i, true))
	}
	return all
}

// trace runs a client in a process of its own.
func (p powerCut) trace(t *testing.T) (start map[string][]byte, ops []durabletest.Op) {
	root := durabletest.MemoryDir(t)
	b := p.bench(t, root, nil)
	b.put(p.files)
	start = durabletest.Get(t, root)
	run := plan{Dir: b.dir, Ledger: b.ledger.dir, Refused: p.refused, Together: p.together, Recursive: true}
	if p.killed != "" {
		first := run
		first.At, first.Count = p.killed, 1
		if p.killed == "claimed" {
			// All lie in one group: where two are flushed side by side, one makes durable
			// that the other's messages left a directory, before these are anywhere else.
			// Only a file system whose renames are one change on the disk bears that.
			first.Count = len(p.files)
		}
		more, status := traceOne(t, root, first)
		if !status.Signaled() {
			t.Fatalf("the first client: status %v", status)
		}
		ops = more
	}
	more, status := traceOne(t, root, run)
	if status.ExitStatus() != 0 {
		t.Fatalf("client: status %v", status)
	}
	return start, append(ops, more...)
}

func traceOne(t *testing.T, root string, run plan) ([]durabletest.Op, syscall.WaitStatus) {
	t.Helper()
	text, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), clientEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	return durabletest.Trace(t, cmd, root)
}

// bench makes an outbox and the server's ledger of files below root.
func (p powerCut) bench(t *testing.T, root string, files map[string][]byte) bench {
	t.Helper()
	durabletest.Put(t, root, map[string][]byte{"outbox/": nil, "ledger/": nil})
	durabletest.Put(t, root, files)
	return bench{T: t, dir: filepath.Join(root, "outbox"),
		ledger: ledger{dir: filepath.Join(root, "ledger"), step: func(string) {}}}
}

// check looks at one state of the disk after the first n operations.
func (p powerCut) check(t *testing.T, what string, start map[string][]byte, ops []durabletest.Op, n int,
	w durabletest.Survival) {
	t.Helper()
	left := p.left(start, ops[:n], w)
	root := durabletest.MemoryDir(t)
	defer os.RemoveAll(root)
	b := p.bench(t, root, left)
	ended := n == len(ops)
	if !ended {
		cfg := b.config()
		cfg.Recursive = true
		out, err := Run(t.Context(), cfg)
		if err != nil || len(out.Left) > 0 {
			t.Errorf("%s: %+v, %v", what, out, err)
		}
	}
	before := t.Failed()
	switch {
	case p.refused:
		p.onlyRefused(b)
	case p.unsynced && !ended:
		p.wantOnce(b, left)
	default:
		b.onlySent(p.files, message.None)
	}
	if t.Failed() && !before {
		t.Errorf("that was %s", what)
	}
}

// left is the outbox after a power cut, and the ledger as the server has it.
func (p powerCut) left(start map[string][]byte, ops []durabletest.Op, w durabletest.Survival) map[string][]byte {
	first := maps.Clone(start)
	if p.unsynced {
		for name := range p.files {
			first["outbox/"+name] = nil
		}
	}
	disk := durabletest.New(first)
	if p.unsynced {
		for name, content := range p.files {
			disk.Apply(durabletest.Op{Kind: durabletest.Write, Name: "outbox/" + name, Data: []byte(content)})
		}
	}
	for _, op := range ops {
		disk.Apply(op)
	}
	left := make(map[string][]byte)
	for name, text := range disk.After(w) {
		// A crash may leave a temporary file, which nobody looks at.
		if strings.HasPrefix(name, "outbox/") && !strings.Contains(name, "/.tmp-") {
			left[name] = text
		}
	}
	for name, text := range disk.After(durabletest.Everything) {
		if strings.HasPrefix(name, "ledger/") {
			left[name] = text
		}
	}
	return left
}

// wantOnce: a file whose bytes nobody had flushed may have lost them before it
// was recorded. One that the server has is the same still, and nothing is
// refused.
func (p powerCut) wantOnce(b bench, left map[string][]byte) {
	b.Helper()
	b.empty(box.Sending)
	b.empty(box.Refused)
	if n := len(b.ledger.rows(b.T)); n != len(p.files) {
		b.Errorf("%d messages were accepted of %d", n, len(p.files))
	}
	for name := range left {
		if id, ok := strings.CutPrefix(name, "ledger/"); ok && isID(id) {
			b.onlySent(p.files, message.None)
		}
	}
}

func isID(text string) bool {
	_, err := message.ParseID(text)
	return err == nil
}

func (p powerCut) onlyRefused(b bench) {
	b.Helper()
	b.empty(box.Sending)
	b.empty(box.Sent)
	ends := b.ends(box.Refused)
	if len(ends) != 2*len(p.files) || len(b.ledger.rows(b.T)) > 0 {
		b.Errorf("refused holds %q", ends)
		return
	}
	for path, text := range ends {
		stem, isReason := strings.CutSuffix(path, ".reason")
		if !isReason && p.content(path) != text {
			b.Errorf("%q holds %q", path, text)
		}
		if _, ok := ends[stem]; isReason && (!ok || !strings.Contains(text, "name")) {
			b.Errorf("%s: %q", path, text)
		}
	}
}

// content is that of the message with the last part of a path.
func (p powerCut) content(path string) string {
	for name, content := range p.files {
		if filepath.Base(name) == filepath.Base(path) {
			return content
		}
	}
	return ""
}
