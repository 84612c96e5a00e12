package local

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/shared/durable/durabletest"
)

// Parts go before anyone is refused room: the oldest of the sender whose parts
// hold most first, and none for what has no room without them either.
func TestPartsGoForRoom(t *testing.T) {
	cfg := keeping(t.TempDir())
	cfg.MaxStaged = 64 * testStep // 4 MiB, and a third more for others
	clock := time.Now()
	cfg.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	book := open(t, cfg)
	var drafts []logbook.Draft
	for _, sender := range []string{"a", "b", "b", "b", "c"} {
		d, content := long(sender, 14)
		cutOff(t, book, d, content, 14*testStep)
		drafts = append(drafts, d)
	}
	kept := func() (left []int) {
		book.shelf.mu.Lock()
		defer book.shelf.mu.Unlock()
		for i, d := range drafts {
			if book.shelf.parts[d] != nil {
				left = append(left, i)
			}
		}
		return left
	}
	want := func(what string, left ...int) {
		t.Helper()
		if got := kept(); !slices.Equal(got, left) {
			t.Errorf("%s: the parts %d are left, want %d", what, got, left)
		}
	}
	want("before", 0, 1, 2, 3, 4)
	if _, err := book.space.Open("d", 100*testStep); !errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("more than there is: %v", err)
	}
	want("for what has no room", 0, 1, 2, 3, 4)
	for _, left := range [][]int{{0, 2, 3, 4}, {0, 3, 4}} {
		r, err := book.space.Open("d", 14*testStep)
		check(t, err)
		check(t, r.Want(14*testStep))
		want("one message more", left...)
	}
	d, content := drafts[3], []byte(nil)
	_, content = long("b", 14)
	s := goOn(t, book, d, content, 14*testStep)
	defer s.Discard()
	want("one that is gone on with", 0, 4)
	if s.Kept() != 14*testStep {
		t.Errorf("%d bytes are kept", s.Kept())
	}
}

// TestPartPowerCuts cuts the power after each operation of a run in which a
// message is cut off, goes on, and is kept. What is left is a part that can be
// gone on with, or none, and the message ends as it should.
func TestPartPowerCuts(t *testing.T) {
	dir := durabletest.MemoryDir(t)
	cfg := compact(keeping(dir))
	closeBook(t, open(t, cfg))
	start := durabletest.Get(t, dir)
	delete(start, index.Path)
	tr := &trace{dirty: make(map[string]bool), steps: mkdirs(start)}
	cfg.seams = powerCut{together: true}.tracing(dir, tr).seams
	book := open(t, cfg)
	d, content := long("a", 3)
	var durable []partAt
	for _, to := range []int{testStep + 1, 3*testStep + 1} {
		cutOff(t, book, d, content, to)
		durable = append(durable, partAt{len(tr.steps), uint64(to / testStep * testStep)})
	}
	s := goOn(t, book, d, content, len(content))
	facts, err := logbook.Append(t.Context(), s)
	check(t, err)
	tr.receipted(t, book, d.ID, facts)
	closeBook(t, book)

	resumed := make(map[uint64]int)
	for n := range len(tr.steps) + 1 {
		drive, receipted, _ := tr.at(start, n)
		for _, w := range survivals(n) {
			left := drive.After(w)
			what := fmt.Sprintf("power cut before operation %d (%s), %s survives", n, stepName(tr.steps, n), w.Name)
			if !t.Run(what, func(t *testing.T) {
				resumed[goOnAfter(t, left, d, content, receipted[d.ID], least(durable, n))]++
			}) {
				return
			}
		}
	}
	t.Logf("%d operations; how often so many bytes were kept: %v", len(tr.steps), resumed)
	if want := []uint64{0, testStep, 2 * testStep, 3 * testStep}; !slices.Equal(slices.Sorted(maps.Keys(resumed)), want) {
		t.Errorf("kept were %v", resumed)
	}
}

// partAt is how much is durable after so many operations.
type partAt struct {
	steps  int
	offset uint64
}

func least(durable []partAt, n int) (offset uint64) {
	for _, p := range durable {
		if n >= p.steps {
			offset = p.offset
		}
	}
	return offset
}

// goOnAfter opens what is left, ends the message, and returns how much was kept,
// at least so much where the message is not.
func goOnAfter(t *testing.T, left map[string][]byte, d logbook.Draft, content, line []byte, least uint64) uint64 {
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir) // not only at the end: there are many
	durabletest.Put(t, dir, left)
	book := open(t, compact(keeping(dir)))
	defer closeBook(t, book)
	facts, known, err := book.Lookup(t.Context(), d.Sender, d.ID)
	check(t, err)
	if known || line != nil {
		if !known || line != nil && string(facts.Line) != string(line) {
			t.Errorf("receipted %q, found %q", line, facts.Line)
		}
		wantNothingLeft(t, book)
		return 0
	}
	s, err := book.Stage(t.Context(), d)
	check(t, err)
	kept := s.Kept()
	if kept < least {
		t.Errorf("%d bytes are kept of %d that were durable", kept, least)
	}
	s.Suspend()
	finish(t, book, d, content)
	if names, _ := filepath.Glob(filepath.Join(dir, disk.LogsDir, "server_message*")); len(names) != 1 {
		t.Errorf("the log files are %q", names)
	}
	return kept
}
