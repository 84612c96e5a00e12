package state

import (
	"errors"
	"os"
	"testing"
)

// TestRetiredSerial: it is of the logbook that the state has now, and outlives a restart.
func TestRetiredSerial(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	expect := func(s *State, want uint64) {
		t.Helper()
		if n, err := s.RetiredSerial(); n != want || err != nil {
			t.Errorf("serial %d, %v, want %d", n, err, want)
		}
	}
	expect(s, 0)
	if err := s.SetRetiredSerial(7); err != nil {
		t.Fatal(err)
	}
	expect(s, 7)
	expect(open(t, dir), 7)
	if err := s.SetLogbookID(NewLogbookID()); err != nil {
		t.Fatal(err)
	}
	expect(s, 0)
	for _, text := range []string{"", "7\n", s.LogbookID() + "\n", s.LogbookID() + " -1\n", "x 7\n"} {
		if err := os.WriteFile(s.path(retiredFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := s.RetiredSerial(); n != 0 || !errors.Is(err, ErrRetiredFile) {
			t.Errorf("%q: serial %d, %v", text, n, err)
		}
	}
}
