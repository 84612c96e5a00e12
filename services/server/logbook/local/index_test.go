package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// indexed is a config whose index file is written every few messages.
func indexed(dir string) Config {
	cfg := testConfig(dir)
	cfg.IndexBatch, cfg.RotateAfter = 8, 2000
	return cfg
}

// many appends n messages and returns their facts.
func many(t *testing.T, book *Logbook, n int) map[message.ID]logbook.Facts {
	t.Helper()
	kept := make(map[message.ID]logbook.Facts)
	for i := range n {
		d := logbooktest.Draft(fmt.Sprint("sender-", i%3), nil)
		facts, err := logbooktest.Append(t.Context(), book, d, nil)
		if err != nil {
			t.Fatal(err)
		}
		kept[d.ID] = facts
	}
	return kept
}

// wantAll looks every message up.
func wantAll(t *testing.T, book *Logbook, kept map[message.ID]logbook.Facts) {
	t.Helper()
	for id, want := range kept {
		got, ok, err := book.Lookup(t.Context(), want.Entry.Sender, id)
		if err != nil || !ok || !bytes.Equal(got.Line, want.Line) {
			t.Fatalf("message %d: %v, %v, %s", want.Entry.Seq, ok, err, got.Line)
		}
		if _, ok, err := book.Lookup(t.Context(), "another", id); ok || err != nil {
			t.Fatalf("found for another sender: %v", err)
		}
	}
}

func closeBook(t *testing.T, book *Logbook) {
	t.Helper()
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever becomes of the index file, the manifest brings it back.
func TestIndexIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string, old []byte){
		"missing":   func(t *testing.T, path string, _ []byte) { remove(t, path) },
		"empty":     func(t *testing.T, path string, _ []byte) { write(t, path, "") },
		"garbage":   func(t *testing.T, path string, _ []byte) { write(t, path, "garbage, and more of it") },
		"older":     func(t *testing.T, path string, old []byte) { write(t, path, string(old)) },
		"truncated": func(t *testing.T, path string, _ []byte) { check(t, os.Truncate(path, 8192)) },
		"of another logbook": func(t *testing.T, path string, _ []byte) {
			other := t.TempDir()
			book := open(t, indexed(other))
			many(t, book, 150)
			closeBook(t, book)
			write(t, path, string(read(t, filepath.Join(other, index.Path))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := indexed(durabletest.MemoryDir(t))
			path := filepath.Join(cfg.Dir, index.Path)
			book := open(t, cfg)
			kept := many(t, book, 40)
			closeBook(t, book)
			old := read(t, path)
			book = open(t, cfg)
			maps.Copy(kept, many(t, book, 110))
			closeBook(t, book)
			damage(t, path, old)
			book = open(t, cfg)
			wantAll(t, book, kept)
			many(t, book, 20)
			wantAll(t, book, kept)
		})
	}
}

// A failed write of the index turns readiness red until the file has been made
// anew, and no message gets in twice meanwhile.
func TestIndexWriteFails(t *testing.T) {
	cfg := indexed(durabletest.MemoryDir(t))
	cfg.RetryEvery = time.Millisecond
	var faults atomic.Int32
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpSync && s.Name == index.Path && faults.Add(-1) >= 0 {
			return errInjected
		}
		return nil
	}
	book := open(t, cfg)
	faults.Store(2)
	kept := make(map[message.ID]logbook.Facts)
	for range 100 {
		d := logbooktest.Draft("a", nil)
		kept[d.ID] = untilKept(t, book, d, nil)
		if again := untilKept(t, book, d, nil); !bytes.Equal(again.Line, kept[d.ID].Line) {
			t.Fatalf("kept twice:\n%s\n%s", kept[d.ID].Line, again.Line)
		}
	}
	if faults.Load() >= 0 {
		t.Error("the index was not written")
	}
	wantAll(t, book, kept)
	if book.Len() != uint64(len(kept)) {
		t.Errorf("%d messages of %d", book.Len(), len(kept))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A message whose log file was taken away stays known: the same id makes no
// second file, and other content under it is refused.
func TestRepeatOfARemovedFile(t *testing.T) {
	dir := t.TempDir()
	book := open(t, testConfig(dir))
	content := []byte("picked up long ago")
	d := logbooktest.Draft("a", content)
	first, err := logbooktest.Append(t.Context(), book, d, content)
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "logs", first.Entry.File)
	remove(t, path)
	book = open(t, testConfig(dir))
	again, err := logbooktest.Append(t.Context(), book, d, content)
	if err != nil || !again.Repeat || again.Entry != first.Entry {
		t.Errorf("the repeat: %+v, %v; want %+v", again, err, first.Entry)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is back: %v", err)
	}
	other := d
	other.Name = "other.txt"
	if _, err := logbooktest.Append(t.Context(), book, other, content); !errors.Is(err, logbook.ErrConflict) {
		t.Errorf("other content under the id: %v", err)
	}
}
