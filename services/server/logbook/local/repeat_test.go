package local

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/logbooktest"
)

// inOneGroup has messages committed as one group, which comes together while
// the flush of a message before it is held.
func inOneGroup(t *testing.T, drafts []logbook.Draft, contents [][]byte) (
	book *Logbook, facts []logbook.Facts, errs []error) {
	t.Helper()
	facts, errs = make([]logbook.Facts, len(drafts)), make([]error, len(drafts))
	tr := &trace{}
	cfg := testConfig(t.TempDir())
	cfg.seams.Fault = tr.record
	book = open(t, cfg)
	var wait []func() (logbook.Facts, error)
	var all []logbook.Staged
	for i, d := range drafts {
		all = append(all, stage(t, book, d, contents[i]))
	}
	hold := sync.OnceFunc(func() {
		for _, s := range all {
			wait = append(wait, handOver(t.Context(), s))
		}
	})
	tr.hold.Store(&hold)
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
		t.Fatal(err)
	}
	for i := range wait {
		facts[i], errs[i] = wait[i]()
	}
	return book, facts, errs
}

// One message three times in a group is one message.
func TestRepeatsInAGroup(t *testing.T) {
	content := []byte("once")
	d := logbooktest.Draft("a", content)
	book, facts, errs := inOneGroup(t, []logbook.Draft{d, d, d}, [][]byte{content, content, content})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	repeats := 0
	for _, f := range facts {
		if f.Repeat {
			repeats++
		}
		if !bytes.Equal(f.Line, facts[0].Line) {
			t.Errorf("answered with\n%s\nand\n%s", facts[0].Line, f.Line)
		}
	}
	if book.Len() != 2 || repeats != 2 {
		t.Errorf("%d messages, %d answered as repeats", book.Len(), repeats)
	}
}

// Of two contents under one id in a group one is kept, the other refused.
func TestConflictInAGroup(t *testing.T) {
	contents := [][]byte{[]byte("this"), []byte("that")}
	drafts := []logbook.Draft{logbooktest.Draft("a", contents[0]), logbooktest.Draft("a", contents[1])}
	drafts[1].ID = drafts[0].ID
	book, facts, errs := inOneGroup(t, drafts, contents)
	kept := 0
	if errs[0] != nil {
		kept = 1
	}
	if errs[kept] != nil || !errors.Is(errs[1-kept], logbook.ErrConflict) {
		t.Fatalf("answered with %v", errs)
	}
	if book.Len() != 2 || !facts[kept].Matches(drafts[kept]) {
		t.Errorf("%d messages, %+v", book.Len(), facts[kept])
	}
}

// While the index file is being written its messages are found in memory.
func TestIndexWhileItIsWritten(t *testing.T) {
	cfg := indexed(t.TempDir())
	writing, goOn := make(chan struct{}), make(chan struct{})
	begins := sync.OnceFunc(func() { close(writing) })
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpSync && s.Name == index.Path {
			begins()
			<-goOn
		}
		return nil
	}
	book := open(t, cfg)
	t.Cleanup(func() { close(goOn) })
	kept := many(t, book, 20)
	if !logbooktest.Soon(t, "the index is written", func() bool { return isClosed(writing) }) {
		t.FailNow()
	}
	wantAll(t, book, kept)
}

// An id is free again once its message was answered, whatever the answer.
func TestIDsComeFree(t *testing.T) {
	for _, op := range []disk.Op{"", disk.OpCreate, disk.OpWrite, disk.OpSyncFS, disk.OpAppend, disk.OpRename} {
		t.Run(string(op), func(t *testing.T) {
			cfg := testConfig(t.TempDir())
			var failing atomic.Bool
			cfg.seams.Fault = func(s disk.Step) error {
				if s.Op == op && failing.CompareAndSwap(true, false) {
					return unix.EIO
				}
				return nil
			}
			cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
			cfg.seams.CanSyncFS = func(string) bool { return true } // whatever the file system is here
			cfg.RetryEvery = time.Millisecond
			book := open(t, cfg)
			failing.Store(true)
			d := logbooktest.Draft("a", []byte("x"))
			_, err := logbooktest.Append(t.Context(), book, d, []byte("x"))
			if err != nil && !errors.Is(err, logbook.ErrUnavailable) {
				t.Error(err)
			}
			if op != "" && failing.Load() {
				t.Error("the fault did not come")
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for again := error(logbook.ErrUnavailable); errors.Is(again, logbook.ErrUnavailable); {
				if _, again = logbooktest.Append(ctx, book, d, []byte("x")); ctx.Err() != nil {
					t.Fatalf("the id is still taken: %v", again)
				}
			}
		})
	}
}

// One that waits for another of its id takes its place when that fails, and those
// behind it wait for that one.
func TestNextOfItsIDGoesOn(t *testing.T) {
	book := openStuck(t, testConfig(t.TempDir()))
	content := []byte("x")
	d := logbooktest.Draft("a", content)
	wait := []func() (logbook.Facts, error){handOver(t.Context(), stage(t, book.Logbook, d, content))}
	logbooktest.Await(t, "the flush", book.flushing)
	for range 3 {
		wait = append(wait, handOver(t.Context(), stage(t, book.Logbook, d, content)))
	}
	if !logbooktest.Soon(t, "the others wait for the first", func() bool { return book.Queued().Messages == 0 }) {
		t.FailNow()
	}
	book.fail(unix.EMFILE) // says nothing of the volume
	if _, err := wait[0](); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("the first was answered with %v", err)
	}
	for i, w := range wait[1:] {
		facts, err := w()
		if err != nil || facts.Repeat != (i > 0) {
			t.Errorf("number %d behind it was answered with %+v, %v", i, facts, err)
		}
	}
	if n := book.Len(); n != 1 {
		t.Errorf("%d messages are kept", n)
	}
}
