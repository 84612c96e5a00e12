package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// open is a new directory with a file, a link to that file, a link to a
// directory, a directory and a pipe in it, and a file beside it.
func open(t *testing.T) (d *Dir, beside string) {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, "dir")
	for _, sub := range []string{"dir/sub", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	beside = filepath.Join(root, "beside")
	for _, name := range []string{beside, filepath.Join(path, "file")} {
		if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": beside, "away": filepath.Join(root, "elsewhere")} {
		if err := os.Symlink(to, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(path, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, beside
}

// Every method takes one name, and nothing that leads elsewhere.
func TestDirTakesOneName(t *testing.T) {
	d, _ := open(t)
	for _, name := range []string{"", ".", "..", "../beside", "/etc/passwd", "sub/", "sub/file", "x\x00"} {
		for op, do := range map[string]func() error{
			"sub":      func() error { _, err := d.Sub(name); return err },
			"open":     func() error { _, err := d.Open(name, os.O_RDONLY, 0); return err },
			"lstat":    func() error { _, err := d.Lstat(name); return err },
			"mkdir":    func() error { _, err := d.Mkdir(name, 0o700, Keep); return err },
			"create":   func() error { _, err := d.Create(name, 0o600, Keep); return err },
			"write":    func() error { return d.WriteFile(name, nil, 0o600, Keep) },
			"new":      func() error { return d.WriteNew(name, nil, 0o600, Keep) },
			"from":     func() error { return d.Rename(name, d, "new") },
			"to":       func() error { return d.MoveNew("file", d, name) },
			"remove":   func() error { return d.Remove(name) },
			"rmdir":    func() error { return d.RemoveDir(name) },
			"try lock": func() error { _, err := d.TryLock(name); return err },
		} {
			if err := do(); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s %q: error %v", op, name, err)
			}
		}
	}
}

// Only what is asked for is opened: a link is followed by nobody, and a pipe
// waits for nobody.
func TestDirOpensOnlyWhatItSays(t *testing.T) {
	d, beside := open(t)
	for _, name := range []string{"link", "away", "sub", "pipe"} {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREATE} {
			if _, err := d.Open(name, flag, 0o600); !errors.Is(err, ErrNotRegular) {
				t.Fatalf("%s with flags %#x: error %v", name, flag, err) // a lock would look for it without end
			}
		}
		if _, err := d.TryLock(name); !errors.Is(err, ErrNotRegular) {
			t.Errorf("lock %s: error %v", name, err)
		}
	}
	for _, name := range []string{"link", "away", "file", "pipe"} {
		if _, err := d.Sub(name); !errors.Is(err, ErrNotDirectory) {
			t.Errorf("%s as a directory: error %v", name, err)
		}
	}
	if _, err := d.Open("file", os.O_RDWR|os.O_TRUNC, 0); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("to empty it: error %v", err)
	}
	if err := d.WriteFile("link", []byte("new"), 0o600, Keep); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(beside); err != nil || string(text) != "content" {
		t.Errorf("what the link pointed to holds %q, %v", text, err)
	}
}

// Whatever takes its path, an open directory stays the one that it was.
func TestDirStaysWhatItWas(t *testing.T) {
	d, _ := open(t)
	if !d.InPlace() {
		t.Error("it is not where it is")
	}
	if err := os.Rename(d.Path(), d.Path()+".moved"); err != nil {
		t.Fatal(err)
	}
	trap := t.TempDir()
	if err := os.Symlink(trap, d.Path()); err != nil {
		t.Fatal(err)
	}
	if d.InPlace() {
		t.Error("another one counts for it")
	}
	if err := d.WriteFile("new", nil, 0o600, Keep); err != nil {
		t.Fatal(err)
	}
	made, err := d.Mkdir("made", 0o777, Keep)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if err := d.Rename("file", made, "file"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TryLock("lock"); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, trap)
	onlyFile(t, d.Path()+".moved", "away", "link", "lock", "made", "new", "pipe", "sub")
	onlyFile(t, d.Path()+".moved/made", "file")
	if info, err := made.Stat(); err != nil || info.Mode() != fs.ModeDir|0o777 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestDirReplacesNothingUnasked(t *testing.T) {
	d, beside := open(t)
	for _, name := range []string{"file", "link", "sub", "pipe"} {
		if err := d.WriteNew(name, []byte("new"), 0o600, Keep); !errors.Is(err, fs.ErrExist) {
			t.Errorf("write %s: error %v", name, err)
		}
		if _, err := d.Create(name, 0o600, Keep); !errors.Is(err, fs.ErrExist) {
			t.Errorf("create %s: error %v", name, err)
		}
		if _, err := d.Mkdir(name, 0o700, Keep); !errors.Is(err, fs.ErrExist) {
			t.Errorf("mkdir %s: error %v", name, err)
		}
		if err := d.MoveNew("away", d, name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("move to %s: error %v", name, err)
		}
		for how, rename := range map[string]renamer{"link": linkNew, "place": placeNew} {
			err := d.control(func(fd int) error { return rename(fd, "file", fd, name) })
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s as %s: error %v", how, name, err)
			}
		}
	}
	if text, err := os.ReadFile(beside); err != nil || string(text) != "content" {
		t.Errorf("beside holds %q, %v", text, err)
	}
	if err := d.WriteNew("new", []byte("new"), 0o640, Keep); err != nil {
		t.Error(err)
	}
	onlyFile(t, d.Path(), "away", "file", "link", "new", "pipe", "sub")
	for from, rename := range map[string]renamer{"file": linkNew, "new": placeNew} {
		err := d.control(func(fd int) error { return rename(fd, from, fd, from+".moved") })
		if err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
	onlyFile(t, d.Path(), "away", "file.moved", "link", "new.moved", "pipe", "sub")
	if text, err := os.ReadFile(filepath.Join(d.Path(), "new.moved")); err != nil || string(text) != "new" {
		t.Errorf("new.moved holds %q, %v", text, err)
	}
}

func TestDirListsAgain(t *testing.T) {
	d, _ := open(t)
	for range 2 {
		entries, err := d.ReadDir()
		if err != nil || len(entries) != 5 || entries[1].Name() != "file" {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			info, err := e.Info()
			want, wantErr := os.Lstat(filepath.Join(d.Path(), e.Name()))
			if err != nil || wantErr != nil || info.Mode() != want.Mode() || info.Size() != want.Size() ||
				!info.ModTime().Equal(want.ModTime()) || info.Name() != want.Name() {
				t.Errorf("%s: %v %v, want %v %v", e.Name(), info, err, want, wantErr)
			}
		}
	}
}

// TestDirListsByAndBy: all of it, in pieces, from the start each time, also while
// what was listed goes.
func TestDirListsByAndBy(t *testing.T) {
	d, _ := open(t)
	for range 2 {
		seen := make(map[string]bool)
		for entries, err := range d.Entries(2) {
			if err != nil || len(entries) == 0 || len(entries) > 2 {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			for _, e := range entries {
				if info, err := e.Info(); err != nil || info.Name() != e.Name() {
					t.Errorf("%s: %v", e.Name(), err)
				}
				seen[e.Name()] = true
			}
		}
		if len(seen) != 5 {
			t.Errorf("listed %v", seen)
		}
	}
	for range d.Entries(2) {
		break // gives the descriptor back, as the end does
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range d.Entries(2) {
		if err == nil {
			t.Error("a closed directory is listed")
		}
	}
}

func TestDirGivesOnlyItsOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	d, _ := open(t)
	made, err := d.Mkdir("made", 0o755, Owner{65532, 65531})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	info, err := d.Lstat("made")
	if err != nil {
		t.Fatal(err)
	}
	if uid, gid := info.Owner(); uid != 65532 || gid != 65531 {
		t.Errorf("owner %d:%d", uid, gid)
	}
	if err := made.Adopt(Owner{65530, 65530}); !errors.Is(err, ErrNotOurs) {
		t.Errorf("gave away what is another's: %v", err)
	}
	if heir, err := made.Heir(); err != nil || heir != (Owner{65532, 65531}) {
		t.Errorf("heir %v, %v", heir, err)
	}
}

func TestIsTemp(t *testing.T) {
	for name, want := range map[string]bool{
		".tmp-1": true, ".tmp-4294967295": true, ".tmp-": false, ".tmp-1x": false, "tmp-1": false, ".bashrc": false,
	} {
		if IsTemp(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
