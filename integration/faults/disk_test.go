package faults

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable/durabletest"
)

// disk is a file system of its own on a loop device: one that can be filled,
// or whose power can be cut.
type disk struct {
	t       *testing.T
	kind    string // ext4 or xfs
	image   string
	dir     string
	options string
}

// forDisk has a server be ready on a disk so small: by default it is not without room
// for a message of 1 GiB.
const forDisk = "SERVER_MAX_MESSAGE_BYTES=1MiB"

// newDisk makes and mounts one of so many MiB; without root, or without the
// tools, the test is skipped, in CI failed.
func newDisk(t *testing.T, kind string, size string, options string) *disk {
	t.Helper()
	needDisks(t, kind)
	d := &disk{t: t, kind: kind, image: filepath.Join(t.TempDir(), "image"), dir: t.TempDir(), options: options}
	d.must("truncate", "-s", size, d.image)
	switch kind {
	case "ext4":
		// No share for root, which this runs as: full is full.
		d.must("mkfs.ext4", "-q", "-F", "-m", "0", d.image)
	case "xfs":
		d.must("mkfs.xfs", "-q", "-f", d.image)
	}
	d.mount()
	t.Cleanup(d.remove)
	return d
}

func needDisks(t *testing.T, kind string) {
	t.Helper()
	give := t.Skip
	if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" && kind == "ext4" {
		give = t.Fatal
	}
	if os.Geteuid() != 0 {
		give("needs root for loop devices")
	}
	if _, err := exec.LookPath("mkfs." + kind); err != nil {
		give("no tools for ", kind, ": ", err)
	}
}

func (d *disk) must(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (d *disk) mount() {
	d.t.Helper()
	d.must("mount", "-o", strings.TrimSuffix("loop,"+d.options, ","), d.image, d.dir)
}

// unmount waits until the file system is gone. A process that is being started
// has a copy of what this one had open, and a container takes a copy of all
// mounts, each for a moment. Mounted again within that moment it would be the
// same one, cut off still.
func (d *disk) unmount() {
	d.t.Helper()
	if err := d.gone(); err != nil {
		d.t.Fatal(err)
	}
}

// gone takes the mount away, as often as it takes.
func (d *disk) gone() (err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if err = unix.Unmount(d.dir, 0); errors.Is(err, unix.EINVAL) { // it is not mounted
			err = nil
		}
		if err == nil && len(d.devices()) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s is still in use: %w", d.dir, cmp.Or(err, error(unix.EBUSY)))
}

// pollEvery is the time between two looks at what tells nobody when it changes.
const pollEvery = 5 * time.Millisecond

// devices returns the loop devices that stand on the image.
func (d *disk) devices() []string {
	d.t.Helper()
	out, err := exec.Command("losetup", "--noheadings", "--output", "NAME", "--associated", d.image).Output()
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// remount is what a machine does when it starts again.
func (d *disk) remount() { d.t.Helper(); d.unmount(); d.mount() }

// change gives the mounted file system other options.
func (d *disk) change(options string) error {
	out, err := exec.Command("mount", "-o", "remount,"+options, d.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount -o remount,%s: %w: %s", options, err, out)
	}
	return nil
}

// remove takes the disk away however far the test came. Servers on it have
// been killed before: their clean-ups were registered later.
func (d *disk) remove() {
	if err := d.gone(); err != nil {
		d.t.Error(err)
	}
}

// Of linux/ext4.h and xfs_fs.h, where the number is the same: shut the file
// system down, and the flag that drops the journal's unwritten part too.
const (
	iocShutdown  = 0x8004587d
	withoutFlush = 2
)

// cut stops the file system as a power cut would, and the processes that have to do with
// it: what was not flushed is gone when it is mounted again. The processes are to be killed.
func (d *disk) cut(running ...*os.Process) {
	d.t.Helper()
	for _, p := range running {
		if err := durabletest.Hold(p); err != nil {
			d.t.Fatal(err)
		}
	}
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	flag := uint32(withoutFlush)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), iocShutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		d.t.Fatalf("shutdown: %v", errno)
	}
}
