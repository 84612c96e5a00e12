package state

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A token is used for the first time once, also after a restart, for another server
// with the same state, and in a copy.
func TestFirstUse(t *testing.T) {
	dir := t.TempDir()
	s, beside := open(t, dir), open(t, dir)
	old, gone := add(t, s, "store-17"), add(t, s, "laptop")
	first := func(s *State, hash [32]byte, want bool) {
		t.Helper()
		if got := s.FirstUse(hash); got != want {
			t.Errorf("first use: %t, want %t", got, want)
		}
	}
	first(s, old.Hash(), true)
	first(s, old.Hash(), false)
	first(s, gone.Hash(), true)
	check(t, s.KeepUsed())
	first(s, old.Hash(), false)
	first(beside, old.Hash(), false)
	first(open(t, dir), old.Hash(), false)
	copied := filepath.Join(t.TempDir(), "copy")
	check(t, s.CopyTo(copied))
	first(open(t, copied), old.Hash(), false)

	// Removed tokens are forgotten when the next one is noted.
	_, err := s.RemoveSender("laptop", false)
	check(t, err)
	first(beside, add(t, s, "tablet").Hash(), true)
	check(t, beside.KeepUsed())
	text, err := os.ReadFile(filepath.Join(dir, usedFile))
	check(t, err)
	if n := strings.Count(string(text), "\n"); n != 2 {
		t.Errorf("%d tokens are noted, not 2", n)
	}
}

// A damaged file keeps nobody out, and is replaced.
func TestFirstUseWithADamagedFile(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, usedFile), []byte("nonsense\n"), 0o600))
	s := open(t, dir)
	tok := add(t, s, "store-17")
	if !s.FirstUse(tok.Hash()) {
		t.Error("it was used")
	}
	check(t, s.KeepUsed())
	if open(t, dir).FirstUse(tok.Hash()) {
		t.Error("the use is forgotten")
	}
}

// What changes between two moments is told by sender, with the number of tokens.
func TestRoster(t *testing.T) {
	s := open(t, t.TempDir())
	add(t, s, "b")
	add(t, s, "gone")
	before := s.Roster()
	add(t, s, "a")
	add(t, s, "b")
	_, err := s.RemoveSender("b", true)
	check(t, err)
	_, err = s.RemoveSender("gone", false)
	check(t, err)
	want := []Change{{"a", 1, 0}, {"b", 1, 1}, {"gone", 0, 1}}
	if got := s.Roster().Since(before); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := s.Roster().Senders(); !slices.Equal(got, []string{"a", "b"}) && !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("the senders are %q", got)
	}
	if got := s.Roster().Since(s.Roster()); got != nil {
		t.Errorf("of one moment: %v", got)
	}
}
