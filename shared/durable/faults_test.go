package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var errInjected = errors.New("injected")

// brittle is a file of which one step fails.
type brittle struct {
	file
	fails string
	trace *[]string
}

func (b brittle) step(name string, do func() error) error {
	*b.trace = append(*b.trace, name)
	if b.fails == name {
		return errInjected
	}
	return do()
}

func (b brittle) Write(p []byte) (n int, err error) {
	err = b.step("write", func() error { n, err = b.file.Write(p); return err })
	return n, err
}
func (b brittle) Chmod(mode fs.FileMode) error {
	return b.step("chmod", func() error { return b.file.Chmod(mode) })
}
func (b brittle) Chown(uid, gid int) error {
	return b.step("chown", func() error { return b.file.Chown(uid, gid) })
}
func (b brittle) Sync() error  { return b.step("sync", b.file.Sync) }
func (b brittle) Close() error { return b.step("close", b.file.Close) }

// failing returns operations of which one step fails, and the steps taken.
func failing(fails string) (*operations, *[]string) {
	trace := new([]string)
	step := func(name string) error {
		*trace = append(*trace, name)
		if name == fails {
			return errInjected
		}
		return nil
	}
	return &operations{
		create: func(d *Dir, name string) (file, error) {
			if err := step("create"); err != nil {
				return nil, err
			}
			f, err := system.create(d, name)
			return brittle{file: f, fails: fails, trace: trace}, err
		},
		rename: func(d *Dir, name string, to *Dir, newName string, by renamer) error {
			if err := step("rename"); err != nil {
				return err
			}
			return system.rename(d, name, to, newName, by)
		},
		mkdir: func(d *Dir, name string) error {
			if err := step("mkdir " + name); err != nil {
				return err
			}
			return system.mkdir(d, name)
		},
		syncDir: func(d *Dir) error {
			if err := step("syncdir " + filepath.Base(d.Path())); err != nil {
				return err
			}
			return system.syncDir(d)
		},
	}, trace
}

func TestWriteFileFaults(t *testing.T) {
	for _, c := range []struct{ fails, want string }{
		{"create", "old"}, {"write", "old"}, {"chown", "old"}, {"chmod", "old"},
		{"sync", "old"}, {"close", "old"}, {"rename", "old"}, {"syncdir dir", "new"},
	} {
		dir := filepath.Join(t.TempDir(), "dir")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "file")
		if err := WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		ops, trace := failing(c.fails)
		me := Owner{os.Getuid(), os.Getgid()}
		if err := writeFileWith(ops, path, []byte("new"), 0o600, me); !errors.Is(err, errInjected) {
			t.Errorf("%s fails: error %v", c.fails, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.want {
			t.Errorf("%s fails: the file holds %q, %v, want %q", c.fails, got, err, c.want)
		}
		onlyFile(t, dir, "file")
		if n := countOf(*trace, "sync"); n > 1 {
			t.Errorf("%s fails: fsync was called %d times", c.fails, n)
		}
	}
}

func countOf(trace []string, name string) int {
	n := 0
	for _, step := range trace {
		if step == name {
			n++
		}
	}
	return n
}

func TestOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	ops, trace := failing("")
	if err := mkdirAllWith(ops, filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFileWith(ops, filepath.Join(dir, "a"), []byte("x"), 0o600, Keep); err != nil {
		t.Fatal(err)
	}
	if err := renameWith(ops, filepath.Join(dir, "a"), filepath.Join(dir, "sub", "a")); err != nil {
		t.Fatal(err)
	}
	if err := renameWith(ops, filepath.Join(dir, "sub", "a"), filepath.Join(dir, "sub", "b")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"mkdir dir", "syncdir " + filepath.Base(filepath.Dir(dir)), "mkdir sub", "syncdir dir",
		"create", "write", "chmod", "sync", "close", "rename", "syncdir dir",
		"rename", "syncdir sub", "syncdir dir",
		"rename", "syncdir sub",
	}
	if !slices.Equal(*trace, want) {
		t.Errorf("steps %q\nwant  %q", *trace, want)
	}
}

func TestRenameAndMkdirFaults(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "dir")
	for _, fails := range []string{"mkdir dir", "mkdir sub", "syncdir dir"} {
		ops, _ := failing(fails)
		if err := mkdirAllWith(ops, filepath.Join(dir, "sub"), 0o700); !errors.Is(err, errInjected) {
			t.Errorf("%s fails: error %v", fails, err)
		}
	}
	if err := WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, fails := range []string{"rename", "syncdir sub", "syncdir dir"} {
		ops, _ := failing(fails)
		from, to := filepath.Join(dir, "a"), filepath.Join(dir, "sub", "a")
		if err := renameWith(ops, from, to); !errors.Is(err, errInjected) {
			t.Errorf("%s fails: error %v", fails, err)
		}
		if err := os.Rename(to, from); err != nil && fails != "rename" {
			t.Fatal(err)
		}
	}
}
