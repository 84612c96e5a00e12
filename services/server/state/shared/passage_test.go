package shared

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"sealpost/services/server/stream"
)

// opened is what is shared, seen by a server with a register of its own.
func opened(t *testing.T, s *site) *Shared {
	t.Helper()
	book, err := Open(t.Context(), s.config(t))
	check(t, err)
	return book
}

func left(t *testing.T, p *Passage) []uint64 {
	t.Helper()
	void, err := p.Leave(t.Context())
	check(t, err)
	return void
}

func stood(t *testing.T, p *Passage, position uint64) []uint64 {
	t.Helper()
	void, err := p.Stand(t.Context(), position)
	check(t, err)
	return void
}

func revision(t *testing.T, s *Shared) uint64 {
	t.Helper()
	_, revision, err := s.cfg.Register.Value(t.Context())
	check(t, err)
	return revision
}

// refused expects that a position cannot be made void since these do not stand there.
func refused(t *testing.T, s *Shared, position uint64, servers []string, want ...string) {
	t.Helper()
	err := s.Void(t.Context(), position, servers)
	var e *NotStuckError
	if !errors.As(err, &e) || e.Position != position || !slices.Equal(e.Servers, want) {
		t.Errorf("got %v, want a refusal for %q", err, want)
	}
}

// An entry is made void only while all stand in front of it: those that are named, and those
// that read.
func testVoid(t *testing.T, s *site) {
	s.share(t)
	book, a, b, c := opened(t, s), opened(t, s).Passage("a"), opened(t, s).Passage("b"), opened(t, s).Passage("c")
	refused(t, book, 7, nil)
	refused(t, book, 0, []string{"b", "a"}, "a", "b")
	for _, p := range []*Passage{a, b, c} {
		left(t, p)
	}
	refused(t, book, 0, nil, "a", "b", "c")
	refused(t, book, 7, []string{"a"}, "a", "b", "c")
	stood(t, a, 7)
	stood(t, b, 8)
	refused(t, book, 7, []string{"a"}, "b", "c")
	stood(t, b, 7)
	refused(t, book, 7, []string{"a", "b"}, "c")
	forgotten(t, book, "c", true)
	forgotten(t, book, "c", false)
	refused(t, book, 7, []string{"a", "b", "d"}, "d")
	check(t, book.Void(t.Context(), 7, []string{"a", "b"}))
	for _, p := range []*Passage{a, b, c} {
		if void := left(t, p); !slices.Equal(void, []uint64{7}) {
			t.Errorf("void are %v", void)
		}
	}
	check(t, book.Void(t.Context(), 7, []string{"a", "b", "c"})) // it is
	refused(t, book, 5, nil, "a", "b", "c")
	forgotten(t, book, "b", true)
	for _, position := range []uint64{5, 9} {
		stood(t, a, position)
		stood(t, c, position)
		check(t, book.Void(t.Context(), position, nil))
	}
	if void := stood(t, a, 9); !slices.Equal(void, []uint64{5, 7, 9}) {
		t.Errorf("void are %v", void)
	}
}

func testManyVoid(t *testing.T, s *site) {
	s.share(t)
	book, a := opened(t, s), opened(t, s).Passage("a")
	_, err := book.changePassages(t.Context(), func(p *passages) (bool, error) {
		for position := range uint64(mostVoid) {
			p.Void = append(p.Void, position+1)
		}
		return true, nil
	})
	check(t, err)
	stood(t, a, mostVoid+1)
	if err := book.Void(t.Context(), mostVoid+1, nil); !errors.Is(err, ErrManyVoid) {
		t.Errorf("got %v", err)
	}
	check(t, book.Void(t.Context(), mostVoid, nil))
}

// Who changes the state does not touch what is said of entries, nor the other way round.
func testPassagesStay(t *testing.T, s *site) {
	book, one := follow(t, s.share(t))
	a := book.Passage("a")
	stood(t, a, 7)
	check(t, book.Void(t.Context(), 7, nil))
	check(t, book.Change(t.Context(), func(dir string) error { _, err := add(dir, "store-17"); return err }))
	refused(t, book, 8, nil, "a")
	if void := left(t, a); !slices.Equal(void, []uint64{7}) {
		t.Errorf("void are %v", void)
	}
	check(t, book.look(t.Context()))
	if senders, err := one.Senders(); err != nil || len(senders) != 1 {
		t.Errorf("%d senders, %v", len(senders), err)
	}
	if err := book.Fresh(); err != nil {
		t.Error(err)
	}
}

// The register is set where something changes, and where a promise of before may come into it
// late.
func testPassageIsSetOnce(t *testing.T, s *site) {
	s.share(t)
	book := opened(t, s)
	a := book.Passage("a")
	sets := func(what string, want uint64, do func()) {
		t.Helper()
		was := revision(t, book)
		do()
		if n := revision(t, book) - was; n != want {
			t.Errorf("%s: set %d times, want %d", what, n, want)
		}
	}
	sets("begin", 1, func() { left(t, a) })
	sets("read on", 0, func() { left(t, a) })
	sets("stand", 1, func() { stood(t, a, 7) })
	sets("stand on", 0, func() { stood(t, a, 7) })
	sets("stand elsewhere", 1, func() { stood(t, a, 8) })
	sets("leave", 1, func() { left(t, a) })
	stood(t, a, 9)
	left(t, book.Passage("a")) // so a node shows that leads no more
	sets("leave, though it seems to be so", 1, func() { left(t, a) })
	sets("begin anew", 1, func() { left(t, book.Passage("a")) })
	forgotten(t, book, "a", true)
	sets("come back", 1, func() { left(t, a) })
}

// A promise that is under way as its server is killed does not hold once that has begun again.
func testLatePromise(t *testing.T, s *site) {
	s.share(t)
	book, again := opened(t, s), opened(t, s)
	left(t, book.Passage("a"))
	was, err := book.read(t.Context())
	check(t, err)
	promise := was
	promise.passages = passages{Readers: map[string]uint64{"a": 7}}
	left(t, again.Passage("a"))
	if _, err := book.set(t.Context(), promise, was); !errors.Is(err, stream.ErrChanged) {
		t.Errorf("it comes late: %v", err)
	}
	refused(t, book, 7, nil, "a")
}

// What several say at once is all said.
func testPassagesMeet(t *testing.T, s *site) {
	s.share(t)
	names := []string{"a", "b", "c", "d"}
	var all sync.WaitGroup
	for _, name := range names {
		p := opened(t, s).Passage(name)
		all.Go(func() {
			if _, err := p.Stand(t.Context(), 7); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	check(t, opened(t, s).Void(t.Context(), 7, names))
}

// Without the register nothing is promised, and no promise is ended.
func testPassageAway(t *testing.T, s *site) {
	s.share(t)
	book, gone := opened(t, s), opened(t, s)
	a := gone.Passage("a")
	stood(t, a, 7)
	gone.cfg.Register.Close()
	if _, err := a.Leave(t.Context()); err == nil {
		t.Error("it leaves")
	}
	if _, err := a.Stand(t.Context(), 7); err == nil {
		t.Error("it stands")
	}
	if err := gone.Void(t.Context(), 7, nil); err == nil {
		t.Error("it is void")
	}
	check(t, book.Void(t.Context(), 7, []string{"a"}))
}

func forgotten(t *testing.T, book *Shared, server string, want bool) {
	t.Helper()
	if was, err := book.Forget(t.Context(), server); was != want || err != nil {
		t.Errorf("%s was waited for: %v, %v", server, was, err)
	}
}
