package logbooktest

import (
	"context"
	"errors"
	"math"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
)

// entries: those of the messages that are kept are given from a number on, in order,
// also after the logbook was opened again.
func entries(t *testing.T, f Fixture) {
	book := f.Open(t)
	wantEntries(t, book, nil, 0)
	var kept []logfile.Entry
	for _, text := range []string{"one", "two", "three"} {
		facts := mustAppend(t, book, Draft("a", []byte(text)), []byte(text))
		kept = append(kept, facts.Entry)
		wantEntries(t, book, kept, 0)
	}
	wantEntries(t, book, kept, 2)
	wantEntries(t, book, kept, 3)
	wantEntries(t, book, kept, math.MaxUint64)
	enough := errors.New("enough")
	if _, err := book.Entries(t.Context(), 0, func(logfile.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the visitor's error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	none := func(e logfile.Entry) error { t.Errorf("given %d after the end of ctx", e.Seq); return nil }
	if _, err := book.Entries(ctx, 0, none); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	again := f.Open(t)
	defer again.Close()
	wantEntries(t, again, kept, 1)
}

func wantEntries(t *testing.T, book logbook.Logbook, kept []logfile.Entry, from uint64) {
	t.Helper()
	at := from
	next, err := book.Entries(t.Context(), from, func(e logfile.Entry) error {
		if at >= uint64(len(kept)) || e.Seq != at || e.ID != kept[at].ID || e.Size != kept[at].Size {
			t.Errorf("given %+v at %d", e, at)
		}
		at++
		return nil
	})
	if err != nil || next != uint64(len(kept)) || at != max(from, next) {
		t.Errorf("from %d: %d given, next %d, %v", from, at-from, next, err)
	}
}
