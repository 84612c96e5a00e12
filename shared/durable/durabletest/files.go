package durabletest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Put writes files and directories, as After returns them, below dir.
func Put(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, files[name], 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Get reads what Put writes.
func Get(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			files[name+"/"] = nil
			return nil
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// memory is a file system in memory, on Linux; memoryRoom is what must be free
// there: a container may have few MiB of it.
const (
	memory     = "/dev/shm"
	memoryRoom = 256 << 20
)

// MemoryDir is a directory in memory where there is one with room. It is for
// tests that need no disk: a Disk keeps what one would lose, or flushes are not
// what is tested, and a disk that others keep busy must not slow them down. A test
// that makes many removes each when it is done with it: memory has few inodes.
func MemoryDir(t testing.TB) string {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil || st.Bavail*uint64(st.Bsize) < memoryRoom {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "durabletest")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
