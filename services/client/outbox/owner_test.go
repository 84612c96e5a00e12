package outbox

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/message"
)

// otherUser is a user that this test's files do not belong to.
const otherUser = 54321

// newShared is a bench whose directories another user reaches and may write to.
func newShared(t *testing.T) bench {
	t.Helper()
	needRoot(t)
	// TMPDIR may lie where another user does not come.
	root, err := os.MkdirTemp("/dev/shm", "outbox-test-")
	if err != nil {
		root, err = os.MkdirTemp("/tmp", "outbox-test-")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	b := bench{T: t, dir: filepath.Join(root, "outbox"),
		ledger: ledger{dir: filepath.Join(root, "ledger"), step: func(string) {}}}
	for path, mode := range map[string]fs.FileMode{root: 0o755, b.dir: 0o777, b.ledger.dir: 0o777} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// giveAll gives a tree to the other user.
func (b bench) giveAll(dir string) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, otherUser, otherUser)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// walk calls look for everything in the outbox.
func (b bench) walk(look func(path string, info fs.FileInfo)) {
	b.Helper()
	err := filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			look(path, info)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// Whatever the umask, others can read what is theirs to read: the driver the
// receipts, people the reasons.
func TestModesWhateverTheUmask(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"message": "m", "bell\a": "refused"})
	b.giveAll(b.dir)
	if b.spawn(plan{UID: otherUser, Umask: 0o077, Refused: true}).killed(t) {
		t.Fatal("killed")
	}
	b.walk(func(path string, info fs.FileInfo) {
		want := fs.FileMode(box.FileMode)
		switch {
		case path == b.dir:
			return
		case info.IsDir():
			want = box.DirMode
		case info.Name() == ".logbook.lock":
			want = 0o600
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	})
	if len(b.ends(box.Sent)) != 2 || len(b.ends(box.Refused)) != 2 {
		t.Errorf("sent %q, refused %q", b.names(box.Sent), b.names(box.Refused))
	}
}

// Run as root, a client leaves nothing that the outbox's owner cannot remove, or
// go on with.
func TestRootLeavesAllToTheOwner(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"message": "m", "bell\a": "refused"})
	b.giveAll(b.dir)
	if b.spawn(plan{Umask: 0o077, Refused: true}).killed(t) {
		t.Fatal("killed")
	}
	b.ownedByOther()
	b.put(map[string]string{"second": "2"})
	b.giveAll(filepath.Join(b.dir, "second"))
	if !b.spawn(plan{Umask: 0o077, At: "recorded", Count: 1}).killed(t) {
		t.Fatal("not killed")
	}
	b.ownedByOther()
	b.giveAll(b.ledger.dir)
	if b.spawn(plan{UID: otherUser}).killed(t) { // takes over
		t.Fatal("killed")
	}
	b.accepted(map[string]string{"message": "m", "second": "2"}, message.None)
	rm := exec.Command("rm", "-r", filepath.Join(b.dir, box.Sent), filepath.Join(b.dir, box.Refused),
		filepath.Join(b.dir, box.Sending))
	rm.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	if out, err := rm.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func (b bench) ownedByOther() {
	b.Helper()
	b.walk(func(path string, info fs.FileInfo) {
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != otherUser || stat.Gid != otherUser {
			b.Errorf("%s belongs to %d:%d", path, stat.Uid, stat.Gid)
		}
	})
}
