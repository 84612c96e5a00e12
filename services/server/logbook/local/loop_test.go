package local

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable/durabletest"
)

// openBurst opens a logbook, and has n messages handed over while the flush of
// another one stands, which goes on after handed. On return all are kept.
func openBurst(t *testing.T, cfg Config, n int, handed func(*Logbook)) *Logbook {
	t.Helper()
	cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
	var book *Logbook
	var all []logbook.Staged
	var wait []func() (logbook.Facts, error)
	hold := sync.OnceFunc(func() {
		for _, s := range all {
			wait = append(wait, handOver(t.Context(), s))
		}
		handed(book)
	})
	var begun atomic.Bool
	fault := cfg.seams.Fault
	cfg.seams.Fault = func(s disk.Step) error {
		if flushesMessages(s) && begun.Load() {
			hold()
		}
		if fault == nil {
			return nil
		}
		return fault(s)
	}
	book = open(t, cfg)
	t.Cleanup(func() { closeBook(t, book) })
	for range n {
		all = append(all, stage(t, book, logbooktest.Draft("a", nil), nil))
	}
	begun.Store(true)
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
		t.Fatal(err)
	}
	for _, w := range wait {
		if _, err := w(); err != nil {
			t.Fatal(err)
		}
	}
	return book
}

// More than a group's worth may come while one is flushed.
func TestBurst(t *testing.T) {
	const burst = engine.MaxGroup + 200
	book := openBurst(t, testConfig(durabletest.MemoryDir(t)), burst, func(book *Logbook) {
		logbooktest.Soon(t, "the next group is full", func() bool { return book.Queued().Messages <= burst-engine.MaxGroup })
	})
	if n := book.Len(); n != burst+1 {
		t.Errorf("%d messages are kept", n)
	}
}

// Those behind a durable group that cannot be finished hear "try again".
func TestRefusedBehindAGroup(t *testing.T) {
	cfg := testConfig(t.TempDir())
	var stuck atomic.Bool
	stuck.Store(true)
	cfg.RetryEvery = time.Millisecond
	var book *Logbook
	var behind func() (logbook.Facts, error)
	var waiting logbook.Staged
	once := sync.OnceFunc(func() { behind = handOver(t.Context(), waiting) })
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpRename && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix) && stuck.Load() {
			once()
			return unix.ENOSPC
		}
		return nil
	}
	book = open(t, cfg)
	defer closeBook(t, book)
	waiting = stage(t, book, logbooktest.Draft("b", nil), nil)
	first := handOver(t.Context(), stage(t, book, logbooktest.Draft("a", nil), nil))
	logbooktest.Soon(t, "the group is stuck", func() bool { return book.Ready() != nil })
	if _, err := behind(); !errors.Is(err, logbook.ErrUnavailable) || errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("the one behind heard %v", err)
	}
	stuck.Store(false)
	if _, err := first(); err != nil {
		t.Errorf("the durable one heard %v", err)
	}
}
