package replicated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
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

// site is a register, a log of servers, and what an operator does.
type site struct {
	nodes *natstest.Cluster
	name  string
	key   shared.Key
	log   *handLog
	*shared.Shared
}

func newSite(t *testing.T, nodes *natstest.Cluster, name string) *site {
	t.Helper()
	nodes.CreateRegister(name)
	key, err := shared.NewKey()
	check(t, err)
	s := &site{nodes: nodes, name: name, key: key, log: begun(t, "a", "b", "c")}
	cfg := s.config(t)
	first, err := state.Open(cfg.Dir)
	check(t, err)
	check(t, first.Close())
	check(t, shared.Share(t.Context(), cfg))
	s.Shared = s.connect(t)
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) config(t *testing.T) shared.Config {
	t.Helper()
	r, err := stream.OpenRegister(t.Context(), s.nodes.Config(s.name))
	check(t, err)
	t.Cleanup(r.Close)
	return shared.Config{Register: r, Key: s.key, Dir: t.TempDir(), Log: zerolog.Nop()}
}

func (s *site) connect(t *testing.T) *shared.Shared {
	t.Helper()
	found, err := shared.Open(t.Context(), s.config(t))
	check(t, err)
	return found
}

// server is the configuration of one.
func (s *site) server(t *testing.T, dir, name string) Config {
	t.Helper()
	cfg := testConfig(dir, name, s.log)
	cfg.Voids = s.connect(t).Passage(name)
	return cfg
}

// narrow is the configuration of one whose volume has no room for a message that is large.
func (s *site) narrow(t *testing.T, dir, name string) Config {
	t.Helper()
	cfg := s.server(t, dir, name)
	cfg.Local.MaxStaged = 64 << 10
	return cfg
}

// put adds a message, and returns its position and its entry.
func (s *site) put(t *testing.T, content string) (uint64, entry.Header) {
	t.Helper()
	h := published(content)
	return s.log.put(t, testKey, h, []byte(content)), h
}

var large = strings.Repeat("large", 20<<10)

// stuck waits until a logbook stands in front of a position.
func stuck(t *testing.T, book *Logbook, position uint64) {
	t.Helper()
	soon(t, "the server says where it stands", func() bool {
		var e *StuckError
		return errors.As(book.Ready(), &e) && e.Position == position
	})
}

// void makes an entry void, as soon as all stand there that are named.
func (s *site) void(t *testing.T, position uint64, servers ...string) {
	t.Helper()
	soon(t, "the entry is void", func() bool {
		err := s.Void(t.Context(), position, servers)
		if err != nil && !errors.As(err, new(*shared.NotStuckError)) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// refused expects that an entry is not made void for want of these servers' promises.
func (s *site) refused(t *testing.T, position uint64, servers ...string) {
	t.Helper()
	var e *shared.NotStuckError
	if err := s.Void(t.Context(), position, nil); !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	for _, server := range servers {
		if !slices.Contains(e.Servers, server) {
			t.Errorf("%s is not named: %v", server, e)
		}
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

// inTheWay puts a file where a message's log file belongs.
func inTheWay(t *testing.T, dir string, number uint64) (remove func()) {
	t.Helper()
	path := filepath.Join(dir, "logs", logfile.FileName(number))
	check(t, os.WriteFile(path, nil, 0o600))
	return func() { _ = os.Remove(path) }
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
	dir := t.TempDir()
	position, _ := s.put(t, large)
	s.put(t, "two")
	book := open(t, s.narrow(t, dir, "a"))
	stuck(t, book, position)
	s.void(t, position, "a")
	holds(t, ready(t, book), 1)
	check(t, book.Close())
	whole := t.TempDir()
	holds(t, open(t, s.server(t, whole, "d")), 1)
	equal(t, dir, whole)
	check(t, os.Remove(filepath.Join(dir, FoldPath)))
	s.put(t, "three")
	holds(t, ready(t, open(t, s.server(t, dir, "a"))), 2)
}

// chunklessLog is a log that has lost its chunks, as one has whose nodes are damaged.
type chunklessLog struct {
	*handLog
	lost atomic.Bool
}

func (l *chunklessLog) Get(ctx context.Context, position uint64) (fold.Entry, error) {
	if l.lost.Load() {
		return fold.Entry{}, fmt.Errorf("%w: in a test", stream.ErrNotFound)
	}
	return l.handLog.Get(ctx, position)
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

// voidsFunc has something done before the answer to Leave, and may be away.
type voidsFunc struct {
	Voids
	left func()
	away atomic.Bool
	asks atomic.Int64
}

var errAway = errors.New("the register cannot be reached")

func (v *voidsFunc) Stand(ctx context.Context, position uint64) ([]uint64, error) {
	if v.asks.Add(1); v.away.Load() {
		return nil, errAway
	}
	return v.Voids.Stand(ctx, position)
}

func (v *voidsFunc) Leave(ctx context.Context) ([]uint64, error) {
	if v.asks.Add(1); v.away.Load() {
		return nil, errAway
	}
	void, err := v.Voids.Leave(ctx)
	if v.left != nil {
		v.left()
	}
	return void, err
}

// Who ends its promise, and cannot keep the entry although, promises again.
func testInVain(t *testing.T, s *site) {
	dir := t.TempDir()
	cfg := s.server(t, dir, "a")
	check(t, open(t, cfg).Close()) // the volume is there
	voids, left := &voidsFunc{Voids: s.connect(t).Passage("a")}, atomic.Int64{}
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

// Without the register a server keeps nothing of what it stands in front of, and begins with
// nothing.
func testRegisterAway(t *testing.T, s *site) {
	log := &chunklessLog{handLog: s.log}
	log.lost.Store(true)
	cfg := s.server(t, t.TempDir(), "a")
	voids := &voidsFunc{Voids: cfg.Voids}
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
	book := open(t, s.server(t, dir, "a"))
	stuck(t, book, position)
	if n := book.Len(); n != 2 {
		t.Errorf("%d messages are kept", n)
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
	ready(t, book)
	s.refused(t, kept, "a")
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
	voids := &voidsFunc{Voids: noVoids{}}
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
