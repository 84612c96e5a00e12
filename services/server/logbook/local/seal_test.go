package local

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
)

// The tree over the lines, computed the slow way.
func slowRoot(leaves []tlog.Hash) tlog.Hash {
	switch n := len(leaves); n {
	case 0:
		return new(receipt.Hasher).Root()
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return tlog.NodeHash(slowRoot(leaves[:k]), slowRoot(leaves[k:]))
	}
}

func TestTree(t *testing.T) {
	vol := &volume{dir: t.TempDir(), step: noFault}
	check(t, vol.prepare())
	tr, err := openTree(vol, 0)
	check(t, err)
	var leaves []tlog.Hash
	for n := range 70 {
		want := slowRoot(leaves)
		if got, err := tr.root(uint64(n)); err != nil || got != want {
			t.Fatalf("root of %d: %v, %v, want %v", n, got, err, want)
		}
		line := fmt.Append(nil, "line ", n)
		check(t, tr.append([][]byte{line}))
		leaves = append(leaves, tlog.RecordHash(line))
	}
	check(t, tr.close())
	// From the file alone, for fewer leaves than it has, and then on.
	tr, err = openTree(vol, 40)
	check(t, err)
	for n := 40; n < 70; n++ {
		check(t, tr.append([][]byte{fmt.Append(nil, "line ", n)}))
	}
	for size := range int64(len(leaves) + 1) {
		root := slowRoot(leaves[:size])
		for n := range size {
			p, err := tr.prove(uint64(size), uint64(n))
			check(t, err)
			check(t, tlog.CheckRecord(p, size, root, n, leaves[n]))
		}
		if p, err := tr.prove(uint64(size), uint64(size)); err == nil {
			t.Errorf("a proof for leaf %d of %d: %v", size, size, p)
		}
	}
	check(t, tr.close())
}

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
			damage(t, filepath.Join(dir, treePath))
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
	cfg.Fault = func(s Step) error {
		if s.Op == OpSync && s.Name == treePath && faults.Add(-1) >= 0 {
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
	if got := read(t, filepath.Join(cfg.Dir, checkpointPath)); !bytes.Equal(got, last) {
		t.Errorf("beside the manifest lies\n%s, not\n%s", got, last)
	}
	checkExtends(t, "after 50", read(t, filepath.Join(cfg.Dir, manifestPath)), signed)
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
		cfg.Known = read(t, filepath.Join(dir, checkpointPath))
		if _, err := Open(cfg); !errors.As(err, &fork) || fork.Have != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a line altered", func(t *testing.T) {
		dir := filled(t)
		path := filepath.Join(dir, manifestPath)
		write(t, path, strings.Replace(string(read(t, path)), `report.txt`, `repost.txt`, 1))
		remove(t, filepath.Join(dir, indexPath))
		// The tree's file is still the old one, and tells the line.
		cfg := testConfig(dir)
		text := read(t, filepath.Join(dir, treePath))
		text[len(text)-1] ^= 1 // its own damage does not hide the manifest's
		write(t, filepath.Join(dir, treePath), string(text))
		if _, err := Open(cfg); !errors.As(err, &fork) || !fork.Known || fork.Part != 0 {
			t.Errorf("got %v", err)
		}
		if _, err := Open(cfg); !errors.As(err, &fork) || !fork.Known {
			t.Errorf("at the second start: %v", err)
		}
	})
	t.Run("another identity", func(t *testing.T) {
		cfg := testConfig(filled(t))
		cfg.Notary = newNotary()
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
		write(t, filepath.Join(cfg.Dir, checkpointPath), "garbage")
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
	cfg.Fault = func(s Step) error {
		switch {
		case s.Name != treePath:
		case s.Op == OpSync && fail.CompareAndSwap(true, false):
			return errInjected
		case s.Op == OpRemove:
			mending.Store(true)
		case s.Op == OpAppend && mending.CompareAndSwap(true, false):
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

// A hash beyond the tree's end is an error.
func TestNoHashYet(t *testing.T) {
	tr := &tree{}
	tr.reset(0)
	if _, err := tr.hash(5); !errors.Is(err, errNoLeaf) {
		t.Errorf("a hash of an empty tree: %v", err)
	}
}
