package fold

import (
	"errors"
	"slices"
	"testing"

	"sealpost/services/server/logbook/replicated/entry"
)

// says adds a note by which a server says what it had read up to the newest entry but
// some; other says that it was something else.
func (s *script) says(server string, behind uint64, other bool) {
	seen := entry.Seen{Position: s.at - behind, Chain: s.chain(s.at - behind)}
	if other {
		seen.Chain[0]++
	}
	s.add(entry.Header{Kind: entry.KindNote, Server: server, Seen: seen, Note: &entry.Note{}})
}

// Who is right is what the majority has read of all servers that count.
func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		say                   func(*script)
		fork, ours            bool
		differ, agree, silent []string
	}{
		"nobody has spoken": {say: func(*script) {}},
		"all agree":         {say: func(s *script) { s.says("b", 0, false); s.says("c", 1, false) }},
		"one differs, one agrees": {
			say:  func(s *script) { s.says("b", 0, true); s.says("c", 0, false) },
			fork: true, ours: true, differ: []string{"b"}, agree: []string{"c"},
		},
		"one differs, one is silent": {
			say:  func(s *script) { s.says("b", 0, true) },
			fork: true, differ: []string{"b"}, silent: []string{"c"},
		},
		"one differs, one agreed about less": {
			say:  func(s *script) { s.says("c", 1, false); s.message("x"); s.says("b", 0, true) },
			fork: true, differ: []string{"b"}, silent: []string{"c"},
		},
		"both differ": {
			say:  func(s *script) { s.says("b", 0, true); s.says("c", 0, true) },
			fork: true, differ: []string{"b", "c"},
		},
		"a stranger differs": {say: func(s *script) { s.says("d", 0, true) }},
		"it differed from itself": {
			say: func(s *script) { s.says("a", 0, true) },
		},
		"it was mended": {say: func(s *script) { s.says("b", 0, true); s.says("b", 0, false) }},
		"an old entry comes again": {say: func(s *script) {
			s.says("b", 0, true)
			old := s.entries[s.at-1].Data
			s.says("b", 0, false)
			s.raw(old)
		}},
	} {
		s := newScript(t)
		s.settings(rules("UTC"))
		s.servers("a", "b", "c")
		test.say(s)
		f := begin(t, "a", State{})
		s.take(f)
		for _, f := range []*Fold{f, begin(t, "a", f.State())} {
			e := f.Judge()
			if (e != nil) != test.fork {
				t.Errorf("%s: %v", name, e)
			}
			if e != nil && (e.Ours != test.ours || !slices.Equal(e.Differ, test.differ) ||
				!slices.Equal(e.Agree, test.agree) || !slices.Equal(e.Silent, test.silent)) {
				t.Errorf("%s: %+v: %v", name, e, e)
			}
		}
	}
}

// Each of the newest positions has its own chain, and no other position has one.
func TestRememberedPositions(t *testing.T) {
	const first, last = 7, 7 + remembered + 5
	var c chains
	for position := uint64(first); position <= last; position++ {
		c.put(position, entry.Chain{byte(position), byte(position >> 8)})
	}
	for position := uint64(0); position <= last+remembered; position++ {
		want := position > last-remembered && position <= last
		chain, known := c.at(position)
		if known != want || known && chain != (entry.Chain{byte(position), byte(position >> 8)}) {
			t.Fatalf("position %d: %t, %x", position, known, chain[:2])
		}
	}
	if chain, known := new(chains).at(0); known {
		t.Errorf("before the first: %x", chain)
	}
}

// What is not remembered any more is no evidence.
func TestForgottenPositions(t *testing.T) {
	s := newScript(t)
	s.servers("a", "b")
	f := begin(t, "a", State{})
	s.take(f)
	f.recent = chains{}
	f.recent.put(1, f.state.Chain)
	for range remembered {
		f.recent.put(f.recent.next, entry.Chain{})
	}
	if n := len(f.recent.ring); n != remembered {
		t.Errorf("%d positions are remembered", n)
	}
	s.says("b", 0, true)
	s.take(f)
	if e := f.Judge(); e != nil {
		t.Error(e)
	}
}

func TestFutureIsVoid(t *testing.T) {
	s := newScript(t)
	s.add(entry.Header{Kind: entry.KindNote, Seen: entry.Seen{Position: 1}, Note: &entry.Note{}})
	if step := s.take(begin(t, "a", State{})); !errors.Is(step.Void, errFuture) {
		t.Errorf("got %v", step.Void)
	}
}
