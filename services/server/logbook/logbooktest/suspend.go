package logbooktest

import (
	"bytes"
	"errors"
	"testing"

	"sealpost/services/server/logbook"
)

// suspend: whatever a logbook keeps of a message that is cut off, is what came of
// it; with the rest it is the message, and another draft gets nothing of it.
func suspend(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	content := bytes.Repeat([]byte("of many parts"), 1<<17)
	d := Draft("a", content)
	for come := len(content) / 5; come < len(content); come += len(content) / 3 {
		s := stageTo(t, book, d, content, come)
		s.Suspend()
		if _, err := s.Write(content[:1]); err == nil {
			t.Error("it can be written to when it is suspended")
		}
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		book = fx.Open(t)
	}
	other := d
	other.SHA256[0]++
	if s := stageTo(t, book, other, content, 0); s.Kept() != 0 {
		t.Errorf("%d bytes of another message are kept", s.Kept())
	}
	earlier, later := stageTo(t, book, d, content, len(content)), stageTo(t, book, d, content, len(content))
	facts, err := logbook.Append(t.Context(), later)
	if err != nil {
		t.Fatal(err)
	}
	checkFile(t, fx, facts.Entry, content)
	repeat, err := logbook.Append(t.Context(), earlier)
	if err != nil && !errors.Is(err, logbook.ErrTaken) || err == nil && repeat.Entry.Seq != facts.Entry.Seq {
		t.Errorf("number %d and %d, %v", facts.Entry.Seq, repeat.Entry.Seq, err)
	}
	checkManifest(t, fx, 1)
}

// stageTo stages a message, expects what is kept of it to be its own, and writes
// up to a byte.
func stageTo(t *testing.T, book logbook.Logbook, d logbook.Draft, content []byte, to int) logbook.Staged {
	t.Helper()
	s, err := book.Stage(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	kept := s.Kept()
	if kept > 0 {
		if err := s.Compare(content[:kept], 0); err != nil {
			t.Fatal(err)
		}
	}
	if kept < uint64(to) {
		if _, err := s.Write(content[kept:to]); err != nil {
			t.Fatal(err)
		}
	}
	return s
}
