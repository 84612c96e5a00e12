package logbooktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"sealpost/services/server/logbook"
)

func repeats(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	content := []byte("once")
	d := Draft("a", content)
	if _, found, err := book.Lookup(t.Context(), "a", d.ID); found || err != nil {
		t.Errorf("an id nobody sent: %v, %v", found, err)
	}
	first := mustAppend(t, book, d, content)
	again := mustAppend(t, book, d, content)
	if !again.Repeat || !bytes.Equal(first.Line, again.Line) {
		t.Errorf("a repeat got %+v, the first had %+v", again, first)
	}
	found, ok, err := book.Lookup(t.Context(), "a", d.ID)
	if !ok || err != nil || !bytes.Equal(found.Line, first.Line) || !found.Repeat {
		t.Errorf("lookup: %+v, %v, %v", found, ok, err)
	}
	other := d
	other.Sender = "b" // an id belongs to its sender
	if facts := mustAppend(t, book, other, content); facts.Repeat || facts.Entry.Seq != 1 {
		t.Errorf("another sender's: %+v", facts)
	}
	checkManifest(t, fx, 2)
}

func repeatsAtOnce(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	content := []byte("once")
	d := Draft("a", content)
	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for range 16 {
		wg.Go(func() {
			facts, err := Append(t.Context(), book, d, content)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || facts.Entry.Seq != 0 {
				t.Errorf("number %d, %v", facts.Entry.Seq, err)
			}
			if !facts.Repeat {
				fresh++
			}
		})
	}
	wg.Wait()
	if fresh != 1 {
		t.Errorf("%d arrivals were the first", fresh)
	}
	checkManifest(t, fx, 1)
}

func conflicts(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	d := Draft("a", []byte("first"))
	mustAppend(t, book, d, []byte("first"))
	for name, change := range map[string]func(*logbook.Draft){
		"name": func(d *logbook.Draft) { d.Name = "other" },
		"content": func(d *logbook.Draft) {
			d.SHA256 = sha256.Sum256([]byte("other"))
		},
	} {
		other := d
		change(&other)
		content := []byte("first")
		if name == "content" {
			content = []byte("other")
		}
		if _, err := Append(t.Context(), book, other, content); !errors.Is(err, logbook.ErrConflict) {
			t.Errorf("same id, other %s: %v", name, err)
		}
	}
	checkManifest(t, fx, 1)
}

func mismatches(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	for name, content := range map[string]string{"shorter": "conten", "longer": "content!", "other": "tnetnoc"} {
		d := Draft("a", []byte("content"))
		if _, err := Append(t.Context(), book, d, []byte(content)); !errors.Is(err, logbook.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Append(t.Context(), book, d, []byte("content")); err != nil {
			t.Errorf("%s, then as declared: %v", name, err)
		}
	}
	d := Draft("a", []byte("content"))
	d.Size++ // and the digest is that of what comes
	if _, err := Append(t.Context(), book, d, []byte("content")); !errors.Is(err, logbook.ErrMismatch) {
		t.Errorf("as the digest says, and shorter than declared: %v", err)
	}
	checkManifest(t, fx, 3)
}

func restart(t *testing.T, fx Fixture) {
	drafts := make([]logbook.Draft, 5)
	for i := range drafts {
		book := fx.Open(t)
		content := fmt.Append(nil, "message ", i)
		drafts[i] = Draft("a", content)
		if facts := mustAppend(t, book, drafts[i], content); facts.Entry.Seq != uint64(i) {
			t.Errorf("number %d after restart %d", facts.Entry.Seq, i)
		}
		for j, d := range drafts[:i+1] {
			facts, ok, err := book.Lookup(t.Context(), "a", d.ID)
			if !ok || err != nil || facts.Entry.Seq != uint64(j) {
				t.Errorf("restart %d: message %d: %v, %v", i, j, ok, err)
			}
		}
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkManifest(t, fx, len(drafts))
}

func discard(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	staged, err := book.Stage(t.Context(), Draft("a", []byte("content")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := staged.Write([]byte("con")); err != nil {
		t.Fatal(err)
	}
	staged.Discard()
	staged.Discard()
	mustAppend(t, book, Draft("a", []byte("kept")), []byte("kept"))
	checkManifest(t, fx, 1)
}

func scratch(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	s, err := book.Scratch(t.Context(), "a", 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("01234")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("567890")); !errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("more than reserved: %v", err)
	}
	got, err := io.ReadAll(io.NewSectionReader(s, 0, 5))
	if err != nil || string(got) != "01234" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func closedBook(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	staged, err := book.Stage(t.Context(), Draft("a", []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := staged.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := logbook.Append(t.Context(), staged); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("append after close: %v", err)
	}
	if _, err := book.Stage(t.Context(), Draft("a", nil)); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("stage after close: %v", err)
	}
}

// A caller that gives up learns nothing of the outcome, and a repeat settles it.
func cancelled(t *testing.T, fx Fixture) {
	book := fx.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	d := Draft("a", []byte("x"))
	staged, err := book.Stage(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := staged.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = logbook.Append(ctx, staged)
	if err != nil && !errors.Is(err, logbook.ErrUnknown) && !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("append with an ended context: %v", err)
	}
	if facts := mustAppend(t, book, d, []byte("x")); facts.Entry.Seq != 0 {
		t.Errorf("the repeat got number %d", facts.Entry.Seq)
	}
	checkManifest(t, fx, 1)
}
