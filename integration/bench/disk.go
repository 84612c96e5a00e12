package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystems names those that a benchmark is likely to meet, by the magic
// numbers of statfs(2).
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC:      "ext4", // ext2 and ext3 have the same
	unix.XFS_SUPER_MAGIC:       "xfs",
	unix.BTRFS_SUPER_MAGIC:     "btrfs",
	unix.F2FS_SUPER_MAGIC:      "f2fs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.NFS_SUPER_MAGIC:       "nfs",
	unix.TMPFS_MAGIC:           "tmpfs",
	unix.RAMFS_MAGIC:           "ramfs",
}

// disk is what a directory lies on.
type disk struct {
	dir        string
	fileSystem string
	stat       string // the file with the device's counters; "": there is none
	device     string
}

var errMemory = errors.New("it lies in memory, where nothing can be learned of a disk; choose another with -dir")

func diskOf(dir string) (disk, error) {
	var fsInfo unix.Statfs_t
	if err := unix.Statfs(dir, &fsInfo); err != nil {
		return disk{}, fmt.Errorf("%s: %w", dir, err)
	}
	d := disk{dir: dir}
	kind := int64(uint32(fsInfo.Type)) // signed where it has 32 bits
	var known bool
	if d.fileSystem, known = fileSystems[kind]; !known {
		d.fileSystem = fmt.Sprintf("file system 0x%x", kind)
	}
	if kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC {
		return disk{}, fmt.Errorf("%s: %w", dir, errMemory)
	}
	var info unix.Stat_t
	if err := unix.Stat(dir, &info); err != nil {
		return disk{}, fmt.Errorf("%s: %w", dir, err)
	}
	d.device, d.stat = deviceOf("/sys/dev/block", info.Dev)
	return d, nil
}

// deviceOf finds the whole device that dev is or is a partition of: only that
// one counts flushes. Overlays and the like have none.
func deviceOf(sys string, dev uint64) (name, stat string) {
	dir, err := filepath.EvalSymlinks(filepath.Join(sys, fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))))
	if err != nil {
		return "", ""
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir), filepath.Join(dir, "stat")
}

func (d disk) String() string {
	if d.stat == "" {
		return d.fileSystem + ", whose device has no counters here: writes and flushes are not known"
	}
	return fmt.Sprintf("%s on %s", d.fileSystem, d.device)
}

// room returns an error unless n bytes and some to spare are free.
func (d disk) room(n uint64) error {
	const spare = 1 << 30
	var info unix.Statfs_t
	if err := unix.Statfs(d.dir, &info); err != nil {
		return err
	}
	if free := info.Bavail * uint64(info.Bsize); free < n+spare {
		return fmt.Errorf("%d MiB are free on this disk, %d MiB are needed", free>>20, (n+spare)>>20)
	}
	return nil
}

// counters are what the kernel counts of a device since it started
// (Documentation/block/stat.rst).
type counters struct {
	writes, merges, flushes uint64
	known                   bool
}

// counters reads them; they are not known where the device has none.
func (d disk) counters() counters {
	if d.stat == "" {
		return counters{}
	}
	text, err := os.ReadFile(d.stat)
	if err != nil {
		return counters{}
	}
	c, err := parseCounters(string(text))
	if err != nil {
		return counters{}
	}
	return c
}

var errCounters = fmt.Errorf("block device counters: %w", fs.ErrInvalid)

// parseCounters reads fields 5, 6 and 16 (counted from 1) of a stat file.
// Kernels before 5.5 count no flushes and have fewer fields.
func parseCounters(text string) (counters, error) {
	fields := strings.Fields(text)
	if len(fields) < 16 {
		return counters{}, errCounters
	}
	c := counters{known: true}
	for at, to := range map[int]*uint64{5: &c.writes, 6: &c.merges, 16: &c.flushes} {
		n, err := strconv.ParseUint(fields[at-1], 10, 64)
		if err != nil {
			return counters{}, errCounters
		}
		*to = n
	}
	return c, nil
}

// since returns what was counted from before to c.
func (c counters) since(before counters) counters {
	return counters{
		writes: c.writes - before.writes, merges: c.merges - before.merges, flushes: c.flushes - before.flushes,
		known: c.known && before.known,
	}
}

// String returns writes/merges/flushes.
func (c counters) String() string {
	if !c.known {
		return "?"
	}
	return fmt.Sprintf("%d/%d/%d", c.writes, c.merges, c.flushes)
}
