package days

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"sealpost/shared/durable/durabletest"
)

// powerCut is one Put, or one Prune, of a process, as its kernel saw it.
type powerCut struct {
	plan
	name  string
	there map[string][]byte // besides the messages
	check func(t *testing.T, dir string, ended bool)
}

var clashing = []string{"a", "a", "X", "X.tlog-proof", "b/c", "b/c/d", strings.Repeat("é", 120)}

// TestPowerCutEverywhere cuts the power before each operation of a Put. Whatever of
// what was not flushed is on the disk then, the same batch put again on the next day
// ends each message once, beside its text, and nothing else is changed.
func TestPowerCutEverywhere(t *testing.T) {
	begun := newBench(t)
	for n, name := range clashing {
		begun.item(n, name)
	}
	items := plan{Names: clashing}.batch().Items
	for n := range items {
		items[n].From = begun.from
	}
	begun.begin(begun.sent, 1, items...)
	for _, c := range []powerCut{
		{name: "sent", plan: plan{Names: clashing}},
		{name: "one", plan: plan{Names: []string{"a"}}},
		{name: "refused", plan: plan{Names: []string{"a", "a", "a.reason", "b/c"}, Refuse: true}},
		{name: "again", plan: plan{Names: clashing, Again: true}, there: durabletest.Get(t, begun.dir)},
	} {
		c.check = c.putAgain
		t.Run(c.name, func(t *testing.T) {
			start, ops := c.trace(t)
			t.Parallel() // from here on: a process that is being started holds the locks of others open
			c.cutAll(t, start, ops)
		})
	}
}

func (c powerCut) everywhere(t *testing.T) {
	start, ops := c.trace(t)
	c.cutAll(t, start, ops)
}

// trace runs the plan in a process of its own.
func (c powerCut) trace(t *testing.T) (start map[string][]byte, ops []durabletest.Op) {
	dir := durabletest.MemoryDir(t)
	c.put(t, dir)
	start = durabletest.Get(t, dir)
	c.Dir = dir
	ops, status := durabletest.Trace(t, c.command(t), dir)
	if status.ExitStatus() != 0 {
		t.Fatalf("status %v", status)
	}
	return start, ops
}

// cutAll cuts the power after each operation.
func (c powerCut) cutAll(t *testing.T, start map[string][]byte, ops []durabletest.Op) {
	states := 0
	for n := range len(ops) + 1 {
		disk := durabletest.New(start)
		for _, op := range ops[:n] {
			disk.Apply(op)
		}
		for _, w := range survivals(uint64(n)) {
			states++
			c.cut(t, disk.After(w), n == len(ops))
			if t.Failed() {
				last := ops[max(0, n-1)]
				t.Fatalf("that was after %d of %d operations (%s %s %s), %s survives",
					n, len(ops), last.Kind, last.Name, last.To, w.Name)
			}
		}
	}
	t.Logf("%d operations, %d states of the disk", len(ops), states)
}

func survivals(n uint64) []durabletest.Survival {
	all := []durabletest.Survival{durabletest.Nothing, durabletest.Everything}
	for seed := range uint64(6) {
		all = append(all, durabletest.AtRandom(8*n+seed, seed%2 == 0))
	}
	for change := range 6 {
		all = append(all, durabletest.AllBut(change))
	}
	return all
}

// put makes the files that are there at first.
func (c powerCut) put(t *testing.T, dir string) {
	t.Helper()
	files := map[string][]byte{"sent/": nil, "refused/": nil, "files/": nil}
	maps.Copy(files, c.there)
	for n, name := range c.Names {
		files["files/"+itemOf(n, name).File] = []byte(name)
	}
	durabletest.Put(t, dir, files)
}

// cut looks at one state of the disk.
func (c powerCut) cut(t *testing.T, left map[string][]byte, ended bool) {
	t.Helper()
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir)
	durabletest.Put(t, dir, left)
	c.check(t, dir, ended)
}

func (c powerCut) putAgain(t *testing.T, dir string, ended bool) {
	t.Helper()
	if !ended {
		again := plan{Dir: dir, Names: c.Names, Again: true, Refuse: c.Refuse}
		if err := again.run(); err != nil {
			t.Error(err)
		}
	}
	b := openBench(t, dir)
	if c.Refuse {
		b.onlyRefused(c.batch().Items)
		return
	}
	b.onlySent(c.batch().Items)
}

// onlyRefused is onlySent for messages that were refused.
func (b bench) onlyRefused(items []Item) {
	b.Helper()
	found := b.files("refused")
	for _, item := range items {
		for name, text := range found {
			if id, ok := Refused.idOf([]byte(text)); ok && id == item.ID {
				delete(found, name)
				if at := strings.TrimSuffix(name, reasonSuffix); found[at] == item.Name {
					delete(found, at)
				}
			}
		}
	}
	if len(found) > 0 || len(b.files("files")) > 0 {
		b.Errorf("besides %q, left %q", found, b.files("files"))
	}
}

// TestPowerCutWhilePruning: no day is seen half, no message is without its receipt,
// and another Prune ends it all.
func TestPowerCutWhilePruning(t *testing.T) {
	const day = "sent/2026-11-01/"
	files := map[string][]byte{
		day + "b/c": nil, day + "b/c.tlog-proof": nil, day + "stray": []byte("stray"), "sent/2026-11-02/": nil,
		"sent/2026-11-03/d": nil, "sent/2026-11-03/d.tlog-proof": nil,
	}
	for n := range 3 {
		name := day + fmt.Sprint("a", n)
		files[name], files[name+".tlog-proof"] = []byte("message"), []byte("receipt")
	}
	later := time.Now().AddDate(10, 0, 0)
	powerCut{plan: plan{Prune: later}, there: files, check: func(t *testing.T, dir string, _ bool) {
		t.Helper()
		onlyWhole(t, dir, day)
		again := plan{Dir: dir, Prune: later}
		if err := again.run(); err != nil {
			t.Error(err)
		}
		found := openBench(t, dir).files("sent")
		if len(found) != 1 || found["2026-11-01/stray"] != "stray" {
			t.Errorf("%q", found)
		}
	}}.everywhere(t)
}

// onlyWhole: each message has its receipt, and a day all of its messages or none.
func onlyWhole(t *testing.T, dir, day string) {
	t.Helper()
	messages := 0
	left := durabletest.Get(t, dir)
	for name := range left {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, receiptSuffix) || strings.HasSuffix(name, "stray") {
			continue
		}
		if _, ok := left[name+receiptSuffix]; !ok {
			t.Errorf("%s is without its receipt", name)
		}
		if strings.HasPrefix(name, day) {
			messages++
		}
	}
	if messages != 0 && messages != 4 {
		t.Errorf("the day has %d messages", messages)
	}
}
