package local

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
)

// What becomes of the tree's file is made good from the manifest.
func TestTreeIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"missing": remove,
		"short":   func(t *testing.T, path string) { write(t, path, string(read(t, path)[:64])) },
		"one bit flipped": func(t *testing.T, path string) {
			text := read(t, path)
			text[len(text)-1] ^= 1
			write(t, path, string(text))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			damage(t, filepath.Join(dir, merkle.Path))
			book := open(t, testConfig(dir))
			facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
			check(t, err)
			wantReceipt(t, book, facts)
		})
	}
}

// A flush of the tree that fails turns readiness red until its file has been
// written anew.
func TestTreeFlushFails(t *testing.T) {
	cfg := indexed(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	var faults atomic.Int32
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpSync && s.Name == merkle.Path && faults.Add(-1) >= 0 {
			return errInjected
		}
		return nil
	}
	book := open(t, cfg)
	faults.Store(1)
	var kept []logbook.Facts
	for range 30 {
		kept = append(kept, untilKept(t, book, logbooktest.Draft("a", nil), nil))
	}
	if faults.Load() >= 0 {
		t.Error("the tree was not flushed")
	}
	for _, facts := range kept {
		wantReceipt(t, book, facts)
	}
}

// Every receipt and every checkpoint is one more view of the same tree, and the
// one beside the manifest is there after Close.
func TestCheckpoints(t *testing.T) {
	cfg := indexed(t.TempDir())
	book := open(t, cfg)
	var signed []receipt.Checkpoint
	for _, facts := range many(t, book, 50) {
		signed = append(signed, wantReceipt(t, book, facts))
	}
	last := book.Checkpoint()
	closeBook(t, book)
	if got := read(t, filepath.Join(cfg.Dir, engine.CheckpointPath)); !bytes.Equal(got, last) {
		t.Errorf("beside the manifest lies\n%s, not\n%s", got, last)
	}
	checkExtends(t, "after 50", read(t, filepath.Join(cfg.Dir, manifest.Path)), signed)
	book = open(t, cfg)
	if !bytes.Equal(book.Checkpoint(), last) {
		t.Error("a restart signed another tree")
	}
}

// A manifest that is not the one that was signed: nothing is taken any more, and
// the error says where they part.
func TestForks(t *testing.T) {
	var fork *ForkError
	var misfit *MisfitError
	t.Run("an older log volume", func(t *testing.T) {
		dir := filled(t)
		older := durabletest.Get(t, dir)
		book := open(t, testConfig(dir))
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
		known := book.Checkpoint()
		closeBook(t, book)
		cfg := testConfig(t.TempDir())
		durabletest.Put(t, cfg.Dir, older)
		cfg.Known = known
		if _, err := Open(cfg); !errors.As(err, &fork) || fork.Have != 3 || fork.Size != 4 {
			t.Errorf("got %v", err)
		}
		cfg.Known = nil
		open(t, cfg)
	})
	t.Run("an empty log volume", func(t *testing.T) {
		dir := filled(t)
		cfg := testConfig(t.TempDir())
		cfg.Known = read(t, filepath.Join(dir, engine.CheckpointPath))
		if _, err := Open(cfg); !errors.As(err, &fork) || fork.Have != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a line altered", func(t *testing.T) {
		dir := filled(t)
		path := filepath.Join(dir, manifest.Path)
		write(t, path, strings.Replace(string(read(t, path)), `report.txt`, `repost.txt`, 1))
		remove(t, filepath.Join(dir, index.Path))
		// The tree's file is still the old one, and tells the line.
		cfg := testConfig(dir)
		text := read(t, filepath.Join(dir, merkle.Path))
		text[len(text)-1] ^= 1 // its own damage does not hide the manifest's
		write(t, filepath.Join(dir, merkle.Path), string(text))
		if _, err := Open(cfg); !errors.As(err, &fork) || !fork.Known || fork.Part != 0 {
			t.Errorf("got %v", err)
		}
		if _, err := Open(cfg); !errors.As(err, &fork) || !fork.Known {
			t.Errorf("at the second start: %v", err)
		}
	})
	t.Run("another identity", func(t *testing.T) {
		cfg := testConfig(filled(t))
		cfg.Notary = logbooktest.NewNotary()
		if _, err := Open(cfg); !errors.As(err, &misfit) {
			t.Errorf("got %v", err)
		}
		n, err := accepted(t, cfg)
		if n != 3 || err != nil {
			t.Fatalf("accept: %d, %v", n, err)
		}
		open(t, cfg)
	})
	t.Run("a garbled checkpoint", func(t *testing.T) {
		cfg := testConfig(filled(t))
		write(t, filepath.Join(cfg.Dir, engine.CheckpointPath), "garbage")
		if _, err := Open(cfg); !errors.As(err, &misfit) {
			t.Errorf("got %v", err)
		}
	})
}

// A receipt can be made while the tree's file is made anew.
func TestReceiptWhileTheTreeIsMended(t *testing.T) {
	cfg := indexed(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	var fail, mending, asked atomic.Bool
	var receipt func()
	cfg.seams.Fault = func(s disk.Step) error {
		switch {
		case s.Name != merkle.Path:
		case s.Op == disk.OpSync && fail.CompareAndSwap(true, false):
			return errInjected
		case s.Op == disk.OpRemove:
			mending.Store(true)
		case s.Op == disk.OpAppend && mending.CompareAndSwap(true, false):
			asked.Store(true)
			receipt()
		}
		return nil
	}
	book := open(t, cfg)
	defer closeBook(t, book)
	facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	receipt = func() {
		if _, err := book.Receipt(t.Context(), facts); err != nil {
			t.Error(err)
		}
	}
	fail.Store(true)
	for range 30 {
		untilKept(t, book, logbooktest.Draft("a", nil), nil)
	}
	if !asked.Load() {
		t.Error("the tree was not mended")
	}
}
