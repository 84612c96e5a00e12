package box

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sealpost/shared/durable"
)

// otherUser is a user that this test's files do not belong to.
const otherUser = 54321

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
		t.Fatal("needs root")
	}
	t.Skip("needs root: to give files away")
}

// What an earlier run as root left is handed over, too; what belongs to a third
// user is not, nor what a link leads to.
func TestOnlyRootsOwnIsGivenAway(t *testing.T) {
	if os.Geteuid() != 0 {
		needRoot(t)
	}
	dir := t.TempDir()
	third := filepath.Join(t.TempDir(), "third")
	if err := os.Mkdir(third, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(third, otherUser+1, otherUser+1); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link} {
		if err := os.Lchown(path, otherUser, otherUser); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(dir, Sent)
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, path := range []string{own, third} {
		d, err := durable.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := b.adopt(d); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.makePlace("link"); !errors.Is(err, durable.ErrNotDirectory) {
		t.Errorf("followed a link: %v", err)
	}
	for path, want := range map[string]uint32{own: otherUser, third: otherUser + 1, link + "/.": 0} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
}
