package local

import (
	"testing"
	"time"

	"sealpost/services/server/logbook/logbooktest"
)

// What a logbook says of itself, as messages come, wait and are retired, and after a restart.
func TestFigures(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	clock := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	cfg.now = func() time.Time { return clock }
	book := open(t, cfg)
	want := func(when string, next uint64, oldest, newest time.Time) {
		t.Helper()
		f := book.Figures()
		if f.Next != next || !f.Oldest.Equal(oldest) || !f.Newest.Equal(newest) || f.Staged != 0 {
			t.Errorf("%s: %+v", when, f)
		}
	}
	want("empty", 0, time.Time{}, time.Time{})
	at := func(hour int) time.Time { return clock.Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour) }
	for hour := range 3 {
		clock = at(hour)
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", []byte("x")), []byte("x"))
		check(t, err)
		want("kept", uint64(hour)+1, at(0), at(hour))
	}
	retired(t, book, "1-1")
	want("one in between retired", 3, at(0), at(2))
	retired(t, book, "0-0")
	want("the oldest retired", 3, at(2), at(2))
	check(t, book.Close())
	book = open(t, cfg)
	want("opened again", 3, at(2), at(2))
	retired(t, book, "2-2")
	want("all retired", 3, time.Time{}, at(2))

	s, err := book.Stage(t.Context(), logbooktest.Draft("a", make([]byte, 1<<20)))
	check(t, err)
	if f := book.Figures(); f.Staged < 1<<20 || f.StagedLimit != 16<<30 {
		t.Errorf("with a message on its way in: %+v", f)
	}
	s.Discard()
	want("given up", 3, time.Time{}, at(2))
}
