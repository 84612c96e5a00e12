package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, c := range []struct {
		data []byte
		mode fs.FileMode
	}{{[]byte("first"), 0o600}, {nil, 0o644}, {bytes.Repeat([]byte("x"), 1<<20), 0o666}, {[]byte("last"), 0o400}} {
		if err := WriteFile(path, c.data, c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, c.data) {
			t.Fatalf("read back %d bytes, error %v, want %d", len(got), err, len(c.data))
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != c.mode {
			t.Errorf("mode %v, error %v, want %v", info.Mode(), err, c.mode)
		}
	}
	onlyFile(t, dir, "file")
}

// Who has the old file open keeps reading the old bytes.
func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := old.Read(b); err != nil || string(b) != "old" {
		t.Errorf("the open file reads %q, %v", b, err)
	}
}

func TestWriteFileOwner(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	path := filepath.Join(dir, "file")
	if err := d.WriteFile("file", []byte("x"), 0o600, Owner{os.Getuid(), os.Getgid()}); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		err := d.WriteFile("file", []byte("y"), 0o600, Owner{0, 0})
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("to root: error %v, want a permission error", err)
		}
		onlyFile(t, dir, "file")
		return
	}
	if err := d.WriteFile("file", []byte("y"), 0o640, Owner{65532, 65531}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 65532 || owner.Gid != 65531 || info.Mode().Perm() != 0o640 {
		t.Errorf("owner %d:%d, mode %v", owner.Uid, owner.Gid, info.Mode())
	}
}

func TestWriteFileThatCannot(t *testing.T) {
	dir := t.TempDir()
	gone, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	defer func() { // its name is taken away while it is open: no temporary file can be made
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			err := gone.WriteFile("file", nil, 0o600, Keep)
			if want := "write " + filepath.Join(dir, "file") + ": no such file or directory"; err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	}()
	for range 2 { // alike each time: whoever says it when it changes goes by the text
		path := filepath.Join(dir, "missing", "file")
		err := WriteFile(path, nil, 0o600)
		if !errors.Is(err, fs.ErrNotExist) || err.Error() != "write "+path+": no such file or directory" {
			t.Errorf("no directory: error %v", err)
		}
	}
	taken := filepath.Join(dir, "taken")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(taken, nil, 0o600); err == nil {
		t.Error("wrote over a directory")
	}
	onlyFile(t, dir, "taken")
}

// onlyFile fails when something else than name is in dir.
func onlyFile(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	if !slices.Equal(found, names) {
		t.Errorf("%s holds %q, want %q", dir, found, names)
	}
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "a", "file"), filepath.Join(dir, "b", "file")
	for _, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteFile(from, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Rename(from, to); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, filepath.Dir(from))
	onlyFile(t, filepath.Dir(to), "file")
	if err := Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renamed what is gone: %v", err)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		if err := MkdirAll(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"a", "a/b", "a/b/c"} {
		info, err := os.Stat(filepath.Join(dir, sub))
		if err != nil || !info.IsDir() || info.Mode().Perm() != 0o777 {
			t.Errorf("%s: %v, %v", sub, info, err)
		}
	}
	if err := MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("what was there was changed: %v, %v", info, err)
	}
	file := filepath.Join(dir, "file")
	if err := WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := MkdirAll(path, 0o700); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: error %v, want ENOTDIR", path, err)
		}
	}
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: error %v", err)
	}
}
