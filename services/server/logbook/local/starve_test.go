package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// smallDisk is a file system of its own, of so many MiB.
func smallDisk(t *testing.T, kind string, mib int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	dir := t.TempDir()
	device, options := "tmpfs", fmt.Sprintf("size=%dm", mib)
	if kind != "tmpfs" {
		device, options = filepath.Join(t.TempDir(), "image"), "loop"
		run(t, "truncate", "-s", fmt.Sprintf("%dM", mib), device)
		run(t, "mkfs."+kind, "-q", device)
	}
	run(t, "mount", "-t", kind, "-o", options, device, dir)
	t.Cleanup(func() { run(t, "umount", dir) })
	return dir
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// offer is a message of a size, of which nobody knows the bytes.
func offer(sender string, size uint64) logbook.Draft {
	return logbook.Draft{ID: message.NewID(), Sender: sender, Name: "a", Cipher: message.None, Size: size,
		SHA256: logfile.Digest{1}}
}

// hold offers size bytes, and sends some of them.
func hold(t *testing.T, book *Logbook, sender string, size, sent uint64) error {
	t.Helper()
	s, err := book.Stage(t.Context(), offer(sender, size))
	if err != nil {
		return err
	}
	t.Cleanup(s.Discard)
	for part := uint64(64 << 10); sent > 0 && err == nil; sent -= min(part, sent) {
		_, err = s.Write(make([]byte, min(part, sent)))
	}
	return err
}

// deliveredBy counts the bytes that a sender gets kept before it is refused.
func deliveredBy(t *testing.T, book *Logbook, sender string, each int) (kept uint64) {
	t.Helper()
	for content := make([]byte, each); ; kept += uint64(len(content)) {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft(sender, content), content)
		if errors.Is(err, logbook.ErrNoSpace) {
			return kept
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// One sender who offers much and then sends slowly keeps from the others what it
// has written, and no more: on each kind of file system, which all count what is
// not flushed as used.
func TestOneSenderStarvesNobody(t *testing.T) {
	for _, attack := range []struct {
		name        string
		offer, sent uint64 // in hundredths of what is free
		disks       map[string]int
	}{
		{"half, sent but for the end", 50, 49, map[string]int{"tmpfs": 96, "ext4": 96, "xfs": 320}},
		{"most, not sent", 60, 0, map[string]int{"tmpfs": 96}},
	} {
		for kind, mib := range attack.disks {
			t.Run(attack.name+" on "+kind, func(t *testing.T) {
				book := open(t, testConfig(smallDisk(t, kind, mib)))
				free := mustFree(t, book)
				if err := hold(t, book, "greedy", free*attack.offer/100, free*attack.sent/100); err != nil {
					t.Fatal(err)
				}
				// The others fill the rest. Each file takes a little for itself.
				left := mustFree(t, book) - engine.Headroom
				got := deliveredBy(t, book, "store-17", 2<<20)
				t.Logf("of %d MiB free, %d MiB after the attack, the others got %d MiB", free>>20, left>>20, got>>20)
				if got < left*8/10 {
					t.Errorf("the others got %d MiB of %d", got>>20, left>>20)
				}
			})
		}
	}
}

// Several who hold all that they get leave some to the next.
func TestManySendersStarveNobody(t *testing.T) {
	book := open(t, testConfig(smallDisk(t, "tmpfs", 96)))
	free := mustFree(t, book)
	for _, sender := range []string{"one", "two", "three"} {
		for size := free; size > 1<<20; size /= 2 {
			if err := hold(t, book, sender, size, size); err != nil && !errors.Is(err, logbook.ErrNoSpace) {
				t.Fatal(err)
			}
		}
	}
	got := deliveredBy(t, book, "store-17", 64<<10)
	t.Logf("of %d MiB free the fourth got %d MiB", free>>20, got>>20)
	if got < (free-engine.Headroom)/(2*17) {
		t.Errorf("the fourth got %d bytes", got)
	}
}

// What is written and not flushed is no longer free: the rule of a space rests
// on it.
func TestUnflushedIsNotFree(t *testing.T) {
	for kind, mib := range map[string]int{"tmpfs": 64, "ext4": 64, "xfs": 320} {
		dir := smallDisk(t, kind, mib)
		f, err := os.Create(filepath.Join(dir, "f"))
		if err != nil {
			t.Fatal(err)
		}
		before := freeOf(t, dir)
		const size = 16 << 20
		if _, err := f.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if after := freeOf(t, dir); before-after < size {
			t.Errorf("%s: %d bytes were written, %d fewer are free", kind, size, before-after)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func mustFree(t *testing.T, book *Logbook) uint64 { t.Helper(); return freeOf(t, book.vol.Dir()) }

func freeOf(t *testing.T, dir string) uint64 {
	t.Helper()
	free, err := disk.FreeBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	return free
}
