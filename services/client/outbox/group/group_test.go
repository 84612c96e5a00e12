package group

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

func newBox(t *testing.T) *box.Box {
	t.Helper()
	b, err := box.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.Prepare(); err != nil {
		t.Fatal(err)
	}
	return b
}

func nothing(string) {}

// Whatever the umask, others can count what is on its way.
func TestGroupIsOpenToReaders(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	b := newBox(t)
	g, err := New(b, nothing)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	for _, path := range []string{g.Path(), filepath.Join(g.Path(), filesDir)} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != box.DirMode {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	seen := func(_ *durable.Dir, name string) { t.Errorf("%s is in it", name) }
	if err := Each(b.Place(box.Sending), g.ID, seen); err != nil {
		t.Error(err)
	}
}

// A group may be at its end before its lock is taken: nothing is left in it.
func TestGroupIsGoneBeforeItsLockIsTaken(t *testing.T) {
	b := newBox(t)
	in := b.Place(box.Sending)
	id := message.NewID()
	g := &Group{ID: id, box: b, in: in, step: nothing}
	var err error
	if g.dir, err = in.Mkdir(id.String(), box.DirMode, b.Heir); err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(g.Path(), away); err != nil {
		t.Fatal(err)
	}
	if err := g.takeLock(id.String()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(away); len(left) > 0 || err != nil {
		t.Errorf("it holds %v, %v", left, err)
	}
}

// Of one name a group has one file, and replaces none.
func TestGroupReplacesNothing(t *testing.T) {
	b := newBox(t)
	g, err := New(b, nothing)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	for n, want := range []error{nil, fs.ErrExist} {
		if err := os.WriteFile(filepath.Join(b.Root.Path(), "name"), []byte{byte(n)}, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := g.Take("name", 1); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(g.Path(), filesDir, "name")); err != nil || text[0] != 0 {
		t.Errorf("it holds %v, %v", text, err)
	}
}

// A group is bounded in files and bytes; a large file is one by itself.
func TestGroupIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		names int
		bytes int64
		size  int64
		fits  bool
	}{
		"empty, large":   {size: 1 << 40, fits: true},
		"small":          {names: 1, size: 1, fits: true},
		"beside a large": {names: 1, bytes: 1 << 40, size: 1},
		"large":          {names: 1, bytes: 1, size: MostBytes},
		"the last":       {names: Most - 1, size: 1, fits: true},
		"one too many":   {names: Most, size: 1},
	} {
		g := &Group{names: make([]string, c.names), bytes: c.bytes}
		if g.Fits(c.size) != c.fits {
			t.Errorf("%s: fits %v", name, !c.fits)
		}
	}
}
