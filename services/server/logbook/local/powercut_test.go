package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// loopDisk is an ext4 file system of its own on a loop device, whose power can be
// cut: the kernel then drops what was not flushed, as a real cut does. The long
// commit interval keeps ext4's own five seconds from hiding a missing flush.
type loopDisk struct {
	t     *testing.T
	image string
	dir   string
}

func newDisk(t *testing.T) *loopDisk {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
			t.Fatal("CI needs root for loop devices")
		}
		t.Skip("needs root for loop devices")
	}
	d := &loopDisk{t: t, image: filepath.Join(t.TempDir(), "image"), dir: filepath.Join(t.TempDir(), "disk")}
	d.run("truncate", "-s", "256M", d.image)
	d.run("mkfs.ext4", "-q", "-F", d.image)
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d.mount()
	t.Cleanup(func() { _ = exec.Command("umount", d.dir).Run() })
	return d
}

func (d *loopDisk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (d *loopDisk) mount() { d.t.Helper(); d.run("mount", "-o", "loop,commit=600", d.image, d.dir) }

// unmount waits until the file system is gone. A process that is being started
// has a copy of what this one had open, and a container takes a copy of all
// mounts, each for a moment. Mounted again within that moment it would be the
// same one, cut off still.
func (d *loopDisk) unmount() {
	d.t.Helper()
	var err error
	logbooktest.Soon(d.t, d.dir+" can be unmounted", func() bool {
		err = unix.Unmount(d.dir, 0)
		return !errors.Is(err, unix.EBUSY)
	})
	check(d.t, err)
	logbooktest.Soon(d.t, d.image+" has no device", func() bool {
		out, err := exec.Command("losetup", "--noheadings", "--output", "NAME", "--associated", d.image).Output()
		check(d.t, err)
		return len(out) == 0
	})
}

// Of linux/ext4.h: EXT4_IOC_SHUTDOWN, and the flag that drops the journal's
// unwritten part too.
const (
	ext4Shutdown         = 0x8004587d
	shutdownWithoutFlush = 2
)

func (d *loopDisk) cut() {
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer f.Close()
	flag := uint32(shutdownWithoutFlush)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		d.t.Errorf("shutdown: %v", errno)
	}
}

// ledger is what senders know: what they sent, and what they hold receipts for.
type ledger struct {
	mu       sync.Mutex
	sent     map[message.ID][]byte
	drafts   map[message.ID]logbook.Draft
	receipts map[message.ID][]byte
}

func newLedger() *ledger {
	return &ledger{
		sent: map[message.ID][]byte{}, drafts: map[message.ID]logbook.Draft{}, receipts: map[message.ID][]byte{},
	}
}

// load sends messages from many goroutines until ctx ends or the disk does. Receipts that
// come when ctx has ended are nobody's.
func (l *ledger) load(ctx context.Context, book *Logbook, senders int, receipted func()) {
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				content := bytes.Repeat(fmt.Appendf(nil, "%d of %d\n", i, s), 1+rand.IntN(300))
				d := logbooktest.Draft(fmt.Sprint(s), content)
				l.mu.Lock()
				l.sent[d.ID], l.drafts[d.ID] = content, d
				l.mu.Unlock()
				facts, err := logbooktest.Append(context.WithoutCancel(ctx), book, d, content)
				if err != nil {
					return // the power is gone
				}
				l.mu.Lock()
				if ctx.Err() == nil {
					l.receipts[d.ID] = facts.Line
					receipted()
				}
				l.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestPowerCuts cuts the power under load, again and again, on one disk, and
// each time compares what is there with what the senders know.
func TestPowerCuts(t *testing.T) {
	d := newDisk(t)
	l := newLedger()
	rounds := 8
	for round := range rounds {
		cfg := layout(d.dir, round%2 == 1)
		cfg.RotateAfter = 20_000 // several in a round
		cfg.RetryEvery = time.Millisecond
		book, err := Open(cfg)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		l.check(t, d.dir)
		l.cutUnderLoad(t, d, book, 50+rand.IntN(300))
		checkNothingHalf(t, d.dir)
	}
	cfg := testConfig(d.dir)
	book := open(t, cfg)
	l.check(t, d.dir)
	l.sendAgain(t, book)
	t.Logf("%d rounds: sent %d, receipted %d, found %d", rounds, len(l.sent), len(l.receipts), book.Len())
	if err := book.Close(); err != nil {
		t.Error(err)
	}
}

// cutUnderLoad loads the book, cuts the power after some receipts and brings
// the disk back.
func (l *ledger) cutUnderLoad(t *testing.T, d *loopDisk, book *Logbook, after int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	l.load(ctx, book, 24, func() {
		if count++; count == after {
			// A flush that is under way at the cut may be reported as done, and is not: no
			// machine without power says so.
			cancel()
			d.cut()
		}
	})
	_ = book.Close() // the disk is gone; what it says does not matter
	d.unmount()
	d.mount()
}

// checkNothingHalf looks with a poller's eyes, before the server is back: a
// name may be missing, but one that is there has all its bytes.
func checkNothingHalf(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "logs", "server_message*"))
	sharded, errSharded := filepath.Glob(filepath.Join(dir, "logs", "*", "server_message*"))
	if err != nil || errSharded != nil {
		t.Fatal(err, errSharded)
	}
	for _, name := range append(names, sharded...) {
		text := read(t, name)
		if _, err := logfile.Parse(bytes.NewReader(text), int64(len(text))); err != nil {
			t.Errorf("a poller finds half a file: %s has %d bytes: %v", filepath.Base(name), len(text), err)
		}
	}
}

// check compares the volume with the ledger after recovery.
func (l *ledger) check(t *testing.T, dir string) {
	t.Helper()
	found := make(map[message.ID][]byte)
	for line := range bytes.Lines(read(t, filepath.Join(dir, "logs", logfile.ManifestName))) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		e, err := logfile.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[e.ID]; twice {
			t.Errorf("message %s is there twice", e.ID)
		}
		found[e.ID] = line
	}
	for id, line := range l.receipts {
		if !bytes.Equal(found[id], line) {
			t.Errorf("receipted as\n%s\nfound as\n%s", line, found[id])
		}
	}
	if _, err := Verify(testConfig(dir), func(d Difference) { t.Error(d) }); err != nil {
		t.Error(err)
	}
}

// sendAgain sends everything once more, as clients without a receipt would.
func (l *ledger) sendAgain(t *testing.T, book *Logbook) {
	t.Helper()
	for id, content := range l.sent {
		facts, err := logbooktest.Append(t.Context(), book, l.drafts[id], content)
		if err != nil {
			t.Fatal(err)
		}
		if line, ok := l.receipts[id]; ok && !bytes.Equal(line, facts.Line) {
			t.Errorf("another receipt than before for %s", id)
		}
	}
	if book.Len() != uint64(len(l.sent)) {
		t.Errorf("%d messages of %d", book.Len(), len(l.sent))
	}
}
