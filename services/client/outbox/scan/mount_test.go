//go:build linux

package scan

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What is mounted in the outbox cannot be moved out of there by a rename, be it of
// the same file system.
func TestMounted(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
			t.Fatal("needs root")
		}
		t.Skip("needs root: to mount")
	}
	dir, away := t.TempDir(), t.TempDir()
	put(t, away, "not to be moved")
	put(t, dir, "same/hidden", "other/hidden", "a")
	for name, m := range map[string]struct {
		what, kind string
		flags      uintptr
	}{"same": {away, "", unix.MS_BIND}, "other": {"tmpfs", "tmpfs", 0}} {
		at := filepath.Join(dir, name)
		if err := unix.Mount(m.what, at, m.kind, m.flags, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
	f := scan(t, open(t, dir), Config{Recursive: true, Most: 10}, nil)
	if !maps.Equal(f.names, once("a")) || !maps.Equal(f.odd, map[string]string{"same": elsewhere, "other": elsewhere}) {
		t.Errorf("%+v", f)
	}
}
