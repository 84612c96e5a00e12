package replicated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/logfile"
)

var _ Voids = (*shared.Passage)(nil)

// TestVoid runs all tests with one cluster, which keeps the register.
func TestVoid(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	for i, test := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"AllAreStuck", testAllAreStuck},
		{"OneIsNotStuck", testOneIsNotStuck},
		{"OneGoesOn", testOneGoesOn},
		{"Restart", testRestart},
		{"RestartWithRoom", testRestartWithRoom},
		{"ComesLater", testComesLater},
		{"Waits", testWaits},
		{"Again", testAgain},
		{"InVain", testInVain},
		{"AtTheLastMoment", testAtTheLastMoment},
		{"RegisterAway", testRegisterAway},
		{"WhichOne", testWhichOne},
		{"WhatIsKept", testWhatIsKept},
	} {
		t.Run(test.name, func(t *testing.T) {
			nodes.In(t)
			test.run(t, newSite(t, nodes, fmt.Sprint("STATE_", i)))
		})
	}
}

// What no server can keep is passed by all alike, once an operator says so.
func testAllAreStuck(t *testing.T, s *site) {
	dirs, books := []string{t.TempDir(), t.TempDir(), t.TempDir()}, make([]*Logbook, 3)
	s.put(t, "one")
	for i, name := range []string{"a", "b", "c"} {
		books[i] = ready(t, open(t, s.narrow(t, dirs[i], name)))
	}
	position, h := s.put(t, large)
	s.put(t, "two")
	for _, book := range books {
		stuck(t, book, position)
		if !errors.Is(book.Ready(), logbook.ErrNoSpace) || book.Len() != 1 {
			t.Errorf("%d messages, %v", book.Len(), book.Ready())
		}
	}
	s.void(t, position, "a", "b", "c")
	for _, book := range books {
		holds(t, ready(t, book), 2)
	}
	d := logbooktest.Draft("store-17", []byte("three"))
	d.ID = h.Message.ID
	if facts, err := logbooktest.Append(t.Context(), books[0], d, []byte("three")); err != nil || facts.Entry.Seq != 2 {
		t.Errorf("its id is not free: %+v, %v", facts, err)
	}
	for i, book := range books {
		holds(t, book, 3)
		equal(t, dirs[0], dirs[i])
	}
}

func testOneIsNotStuck(t *testing.T, s *site) {
	dirs := []string{t.TempDir(), t.TempDir()}
	position, _ := s.put(t, large)
	wide := open(t, s.server(t, dirs[0], "a"))
	narrow := open(t, s.narrow(t, dirs[1], "b"))
	holds(t, wide, 1)
	stuck(t, narrow, position)
	s.refused(t, position, "a")
	check(t, narrow.Close())
	s.refused(t, position, "a")
	holds(t, ready(t, open(t, s.server(t, dirs[1], "b"))), 1)
	equal(t, dirs[0], dirs[1])
}

// Who can keep the entry again does so, and then the others have to.
func testOneGoesOn(t *testing.T, s *site) {
	var dirs []string
	var books []*Logbook
	var remove []func()
	for _, name := range []string{"a", "b"} {
		dir := t.TempDir()
		dirs, books = append(dirs, dir), append(books, ready(t, open(t, s.server(t, dir, name))))
		remove = append(remove, inTheWay(t, dir, 0))
	}
	position, _ := s.put(t, "one")
	s.put(t, "two")
	for _, book := range books {
		stuck(t, book, position)
		if !errors.As(book.Ready(), new(*engine.ForeignFileError)) {
			t.Errorf("got %v", book.Ready())
		}
	}
	remove[0]()
	holds(t, ready(t, books[0]), 2)
	s.refused(t, position, "a")
	remove[1]()
	holds(t, ready(t, books[1]), 2)
	equal(t, dirs[0], dirs[1])
}

// A promise holds while its server is away, which then hears of what was made void meanwhile.
func testRestart(t *testing.T, s *site) {
	dirs := []string{t.TempDir(), t.TempDir()}
	position, _ := s.put(t, large)
	s.put(t, "two")
	one, other := open(t, s.narrow(t, dirs[0], "a")), open(t, s.narrow(t, dirs[1], "b"))
	stuck(t, one, position)
	stuck(t, other, position)
	check(t, other.Close())
	s.void(t, position, "a", "b")
	holds(t, ready(t, one), 1)
	holds(t, ready(t, open(t, s.server(t, dirs[1], "b"))), 1)
	equal(t, dirs[0], dirs[1])
}

// A server that begins again has promised nothing.
func testRestartWithRoom(t *testing.T, s *site) {
	dir := t.TempDir()
	position, _ := s.put(t, large)
	book := open(t, s.narrow(t, dir, "a"))
	stuck(t, book, position)
	check(t, book.Close())
	holds(t, ready(t, open(t, s.server(t, dir, "a"))), 1)
	s.refused(t, position, "a")
}

// Also who could keep an entry that is void does not, whenever it comes, counting or not.
func testComesLater(t *testing.T, s *site) {
	dir, whole := t.TempDir(), t.TempDir()
	position, _ := s.put(t, large)
	_, behind := s.put(t, "two")
	book := open(t, s.narrow(t, dir, "a"))
	stuck(t, book, position)
	s.void(t, position, "a")
	late := open(t, s.server(t, whole, "d"))
	soon(t, "what is behind it is kept", func() bool {
		_, known, err := late.Lookup(t.Context(), "store-17", behind.Message.ID)
		return known && err == nil
	})
	if n := late.Len(); n != 1 {
		t.Fatalf("%d messages are kept", n)
	}
	holds(t, ready(t, book), 1)
	equal(t, dir, whole)
	check(t, book.Close())
	check(t, os.Remove(filepath.Join(dir, FoldPath)))
	s.put(t, "three")
	holds(t, ready(t, open(t, s.server(t, dir, "a"))), 2)
}

// Who waits for a message hears that it is void, and may send it again.
func testWaits(t *testing.T, s *site) {
	log := &chunklessLog{handLog: s.log}
	log.lost.Store(true)
	cfg := s.server(t, t.TempDir(), "a")
	cfg.Log = log
	book := ready(t, open(t, cfg))
	content := []byte(strings.Repeat("x", entry.ChunkSize+1))
	d := logbooktest.Draft("a", content)
	staged, err := logbooktest.Stage(t.Context(), book, d, content)
	check(t, err)
	heard := make(chan error, 1)
	staged.Commit(t.Context(), func(_ logbook.Facts, err error) { heard <- err })
	stuck(t, book, 5)
	s.void(t, 5, "a")
	if err := logbooktest.Await(t, "an answer", heard); !errors.Is(err, errVoidByOperator) {
		t.Errorf("got %v", err)
	}
	log.lost.Store(false)
	ready(t, book)
	if facts, err := logbooktest.Append(t.Context(), book, d, content); err != nil || facts.Entry.Seq != 0 {
		t.Errorf("again: %+v, %v", facts, err)
	}
}

// Entries are made void one after the other.
func testAgain(t *testing.T, s *site) {
	dir := t.TempDir()
	first, _ := s.put(t, large)
	s.put(t, "two")
	second, _ := s.put(t, large)
	book := open(t, s.narrow(t, dir, "a"))
	stuck(t, book, first)
	s.void(t, first, "a")
	stuck(t, book, second)
	s.void(t, second, "a")
	holds(t, ready(t, book), 1)
}

// Who ends its promise, and cannot keep the entry although, promises again.
func testInVain(t *testing.T, s *site) {
	dir := t.TempDir()
	cfg := s.server(t, dir, "a")
	check(t, open(t, cfg).Close()) // the volume is there
	voids, left := &watchedVoids{Voids: s.connect(t).Passage("a")}, atomic.Int64{}
	path := filepath.Join(dir, "logs", logfile.FileName(0))
	voids.left = func() { _, _ = os.Create(path); left.Add(1) }
	cfg.Voids = voids
	position, _ := s.put(t, "one")
	book := open(t, cfg)
	stuck(t, book, position)
	begun := left.Load()
	check(t, os.Remove(path))
	soon(t, "it tries again", func() bool { return left.Load() > begun })
	s.void(t, position, "a")
	s.put(t, "two")
	soon(t, "it keeps the next", func() bool { _ = os.Remove(path); return book.Len() == 1 })
	holds(t, open(t, s.server(t, t.TempDir(), "b")), 1)
}

// What is made void just before a server would keep it, it does not keep.
func testAtTheLastMoment(t *testing.T, s *site) {
	log := &chunklessLog{handLog: s.log}
	log.lost.Store(true)
	cfg := s.server(t, t.TempDir(), "a")
	voids := &watchedVoids{Voids: cfg.Voids}
	cfg.Log, cfg.Voids = log, voids
	putLarge(t, s.log, func(int, *entry.Header) {})
	position := s.log.last()
	_, behind := s.put(t, "two")
	voids.leaves = func() { _ = s.Void(t.Context(), position, []string{"a"}) } // refused as it begins
	book := open(t, cfg)
	stuck(t, book, position)
	log.lost.Store(false)
	soon(t, "what is behind it is kept", func() bool {
		_, known, err := book.Lookup(t.Context(), "store-17", behind.Message.ID)
		return known && err == nil
	})
	if n := book.Len(); n != 1 {
		t.Errorf("%d messages are kept", n)
	}
}

// Without the register a server keeps nothing of what it stands in front of, and begins with
// nothing.
func testRegisterAway(t *testing.T, s *site) {
	log := &chunklessLog{handLog: s.log}
	log.lost.Store(true)
	cfg := s.server(t, t.TempDir(), "a")
	voids := &watchedVoids{Voids: cfg.Voids}
	cfg.Log, cfg.Voids = log, voids
	putLarge(t, s.log, func(int, *entry.Header) {})
	position := s.log.last()
	book := open(t, cfg)
	stuck(t, book, position)
	stays := func() {
		t.Helper()
		voids.away.Store(true)
		asked := voids.asks.Load()
		soon(t, "the server asks", func() bool { return voids.asks.Load() > asked+3 })
		if !errors.Is(book.Ready(), errAway) || book.Len() > 0 {
			t.Errorf("%d messages, %v", book.Len(), book.Ready())
		}
		voids.away.Store(false)
	}
	voids.away.Store(true)
	log.lost.Store(false)
	stays()
	holds(t, ready(t, book), 1)

	voids.away.Store(true)
	cfg.Local.Dir = t.TempDir()
	book = open(t, cfg)
	stays()
	holds(t, ready(t, book), 1)
}

// Of messages that fail together it is the one that cannot be kept.
func testWhichOne(t *testing.T, s *site) {
	dir := t.TempDir()
	cfg := s.server(t, dir, "a")
	check(t, open(t, cfg).Close()) // the volume is there
	remove := inTheWay(t, dir, 2)
	s.put(t, "one")
	s.put(t, "two")
	position, _ := s.put(t, "three")
	s.put(t, "four")
	cfg = s.server(t, dir, "a")
	voids := &watchedVoids{Voids: cfg.Voids}
	cfg.Voids = voids
	book := open(t, cfg)
	var e *StuckError
	soon(t, "it is found", func() bool {
		return errors.As(book.Ready(), &e) && e.Position == position || voids.asks.Load() > 1000
	})
	if n := book.Len(); n != 2 || e == nil || e.Position != position {
		t.Fatalf("%d messages are kept, %v", n, e)
	}
	remove()
	holds(t, ready(t, book), 4)
}

// What the volume keeps is not taken for what it cannot keep, also where it takes nothing now.
func testWhatIsKept(t *testing.T, s *site) {
	dir := t.TempDir()
	cfg := s.server(t, dir, "a")
	kept, _ := s.put(t, large)
	book := open(t, cfg)
	holds(t, book, 1)
	check(t, book.Close())
	check(t, os.Remove(filepath.Join(dir, FoldPath)))
	book = open(t, s.narrow(t, dir, "a"))
	soon(t, "it is passed, or not", func() bool {
		return book.Ready() == nil || errors.As(book.Ready(), new(*StuckError))
	})
	check(t, book.Ready())
	position, _ := s.put(t, large)
	stuck(t, book, position)
	s.refused(t, kept, "a")
}

// A server promises nothing where the log cannot be read, nor while nobody knows whether the
// volume keeps the entry.
func TestWhatIsStuck(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("%w: x", logbook.ErrUnavailable), true},
		{logbook.ErrNoSpace, true},
		{fmt.Errorf("chunk: %w", errNoChunk), true},
		{fmt.Errorf("%w: %w", logbook.ErrUnknown, logbook.ErrUnavailable), false},
		{logbook.ErrUnknown, false},
		{errGone, false},
		{context.Canceled, false},
	} {
		p := new(passing)
		if err := p.stuckAt(fold.Step{Entry: fold.Entry{Position: 7}}, test.err); !errors.Is(err, test.err) {
			t.Errorf("got %v", err)
		}
		if got := p.stuck != nil; got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}

// What a volume may keep, as far as anybody knows, no server promises to stand in front of:
// until the volume is sound again, and what was left of it void.
func TestUnsure(t *testing.T) {
	log := begun(t, "a")
	book := open(t, testConfig(t.TempDir(), "a", log))
	voids := &watchedVoids{Voids: noVoids{}}
	r := &reader{Logbook: &Logbook{Logbook: book.Logbook, cfg: Config{Voids: voids}, ctx: t.Context()}}
	try := func(stuck *StuckError, err error) (asked bool) {
		f, e := fold.New(testKey, "a", fold.State{})
		check(t, e)
		was := voids.asks.Load()
		if e := (&passing{reader: r, fold: f, stuck: stuck}).failed(err); !errors.Is(e, err) {
			t.Errorf("got %v", e)
		}
		return voids.asks.Load() > was
	}
	at := &StuckError{Position: 7, Err: logbook.ErrUnavailable}
	if try(nil, logbook.ErrUnknown) || try(at, logbook.ErrUnavailable) {
		t.Error("it stands")
	}
	check(t, r.askVoids())
	if !try(at, logbook.ErrUnavailable) {
		t.Error("it does not stand")
	}
	if try(&StuckError{Position: 5, Err: logbook.ErrUnavailable}, logbook.ErrUnavailable) {
		t.Error("it stands in front of what it has passed")
	}
}

// noVoids are of a register that says yes to all.
type noVoids struct{}

func (noVoids) Stand(context.Context, uint64) ([]uint64, error) { return nil, nil }
func (noVoids) Leave(context.Context) ([]uint64, error)         { return nil, nil }
