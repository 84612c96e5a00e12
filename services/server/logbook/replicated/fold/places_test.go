package fold

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
)

// mark adds a mark by a server that had read the same.
func (s *script) mark(position uint64) {
	s.add(entry.Header{Kind: entry.KindMark, Mark: &entry.Mark{Position: position, Chain: s.chain(position)}})
}

// durable adds a note by which a server says up to where it keeps everything.
func (s *script) durable(server string, position uint64) {
	s.add(entry.Header{Kind: entry.KindNote, Server: server, Note: &entry.Note{Durable: position}})
}

func positions(places []Place) (at []uint64) {
	for _, p := range places {
		at = append(at, p.Position)
	}
	return at
}

// A place is made each hour of the log, and after as many bytes, on every server alike,
// also on one that goes on in between.
func TestPlaces(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	s.servers("a")
	s.clock = s.clock.Add(placeEvery)
	s.message("x")
	s.message("x")
	f := begin(t, "a", State{})
	s.take(f)
	if at := positions(f.State().Places); !slices.Equal(at, []uint64{1, 3}) {
		t.Errorf("places at %v", at)
	}
	f = begin(t, "a", f.State())
	f.state.Bytes = placeBytes - 1
	s.message("x")
	s.message("x")
	s.take(f)
	if at := positions(f.State().Places); !slices.Equal(at, []uint64{1, 3, 5}) {
		t.Errorf("places at %v", at)
	}
}

// The newer half of the places stays whole, and the oldest stays.
func TestPlacesAreThinned(t *testing.T) {
	s := newScript(t)
	f := begin(t, "a", State{})
	for range 5 * mostPlaces {
		s.clock = s.clock.Add(placeEvery)
		s.durable("a", 0)
		s.take(f)
		at := positions(f.state.Places)
		if len(at) > mostPlaces || at[0] != 1 {
			t.Fatalf("%d places, the oldest at %d", len(at), at[0])
		}
		for i := range min(len(at), mostPlaces/2) {
			if got := at[len(at)-1-i]; got != s.at-uint64(i) {
				t.Fatalf("place %d from the end is at %d of %d", i, got, s.at)
			}
		}
	}
}

// What stays in the log for a message that is being published stays for who begins there.
func TestPlaceBetweenChunks(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	s.servers("a")
	s.add(entry.Header{Kind: entry.KindChunk, Chunk: &entry.Chunk{}}, 'x')
	s.clock = s.clock.Add(ChunkLife - 2*time.Second)
	s.message("x")
	s.mark(4)
	s.durable("a", s.at)
	f := begin(t, "a", State{})
	s.take(f)
	state := f.State()
	if at := positions(state.Places); !slices.Equal(at, []uint64{1, 4}) {
		t.Fatalf("places at %v", at)
	}
	if below := state.Unneeded(s.clock); below != 3 {
		t.Errorf("needed from %d on", below)
	}
}

// trimmed is a log with two places, of which the second is marked, and three servers.
func trimmed(t *testing.T, then func(s *script)) State {
	s := newScript(t)
	s.settings(rules("UTC"))
	s.servers("a", "b", "c")
	s.clock = s.clock.Add(placeEvery)
	s.message("x")
	then(s)
	f := begin(t, "a", State{})
	s.take(f)
	return f.State()
}

// Nothing is removed from the log that a server may still need, or that is not old enough.
func TestUnneeded(t *testing.T) {
	all := func(s *script, at uint64) {
		for _, server := range []string{"a", "b", "c"} {
			s.durable(server, at)
		}
	}
	for name, test := range map[string]struct {
		say   func(s *script)
		young bool
		want  uint64
	}{
		"all keep it":             {say: func(s *script) { s.mark(3); all(s, 3) }, want: 4},
		"it was not marked":       {say: func(s *script) { all(s, 3) }, want: 1},
		"another place was":       {say: func(s *script) { s.mark(1); all(s, 3) }, want: 2},
		"one keeps less":          {say: func(s *script) { s.mark(3); all(s, 2); s.durable("a", 3) }, want: 1},
		"one has said nothing":    {say: func(s *script) { s.mark(3); s.durable("a", 3); s.durable("b", 3) }, want: 1},
		"it is not old enough":    {say: func(s *script) { s.mark(3); all(s, 3) }, young: true, want: 1},
		"a position that is none": {say: func(s *script) { s.mark(2); all(s, 3) }, want: 1},
		"all have gone": {say: func(s *script) {
			s.mark(3)
			s.add(entry.Header{Kind: entry.KindServers, Servers: &entry.Servers{Forget: []string{"a", "b", "c"}}})
		}, want: 1},
	} {
		state := trimmed(t, test.say)
		before := state.Time
		if test.young {
			before = state.Places[1].Time
		}
		if got := state.Unneeded(before); got != test.want {
			t.Errorf("%s: needed from %d on, want %d", name, got, test.want)
		}
	}
}

// A mark by who has read something else is void, and allows nothing.
func TestMarkOfAnotherLog(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	s.add(entry.Header{Kind: entry.KindMark, Mark: &entry.Mark{Position: 1, Chain: entry.Chain{1}}})
	f := begin(t, "a", State{})
	if step := s.take(f); !errors.Is(step.Void, errMark) || f.State().Places[0].Marked {
		t.Errorf("got %v, %+v", step.Void, f.State().Places)
	}
}

// A server is in the way only where two others keep what stays for it alone.
func TestHinders(t *testing.T) {
	for name, test := range map[string]struct {
		say  func(s *script)
		want string
	}{
		"two keep it":       {func(s *script) { s.mark(3); s.durable("a", 3); s.durable("c", 3) }, "b"},
		"one keeps it":      {func(s *script) { s.mark(3); s.durable("a", 3) }, ""},
		"all keep it":       {func(s *script) { s.mark(3); s.durable("a", 3); s.durable("b", 3); s.durable("c", 3) }, ""},
		"it was not marked": {func(s *script) { s.durable("a", 3); s.durable("c", 3) }, ""},
		"nobody keeps it":   {func(s *script) { s.mark(3) }, ""},
	} {
		if got := trimmed(t, test.say).Hinders(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What was given stays what it was.
func TestStateIsACopy(t *testing.T) {
	s := newScript(t)
	s.settings(rules("UTC"))
	f := begin(t, "a", State{})
	s.take(f)
	state := f.State()
	s.mark(1)
	s.take(f)
	if state.Places[0].Marked || !f.State().Places[0].Marked {
		t.Errorf("%+v, then %+v", state.Places, f.State().Places)
	}
}

// A note frees something only where it passes what a marked place needs.
func TestFrees(t *testing.T) {
	state := trimmed(t, func(s *script) { s.mark(3) })
	for _, test := range []struct {
		before, now uint64
		frees       bool
	}{{0, 2, false}, {0, 3, true}, {2, 4, true}, {3, 4, false}, {0, 0, false}} {
		if got := state.Frees(test.before, test.now); got != test.frees {
			t.Errorf("from %d to %d: %v", test.before, test.now, got)
		}
	}
}
