package local

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	parallelFlushes = 16 // files of a group flushed at once, one by one
	// foreignDirty is how much others may have written without a flush before
	// their bytes make one flush of the whole file system the slower way.
	foreignDirty = 32 << 20
)

// flushFiles brings the bytes and the names of staged files to stable storage.
func (l *Logbook) flushFiles(group []*staged) error {
	if l.shareFlush(group) {
		return l.flushTogether(group)
	}
	return l.flushEach(group)
}

// shareFlush decides between one flush of the whole file system, whose cost
// hardly grows with the group, and one of each file. The first also writes out
// what everybody else on that file system has not flushed.
func (l *Logbook) shareFlush(group []*staged) bool {
	if !l.canSyncFS {
		return false
	}
	own := int64(0)
	for _, s := range group {
		own += s.layout.FileSize()
	}
	dirty, err := l.dirty.value()
	return err == nil && dirty < uint64(own+foreignDirty)
}

func (l *Logbook) flushTogether(group []*staged) error {
	if err := l.vol.syncFS(); err != nil {
		return err
	}
	// A write-back error is reported once to each open file: that of the
	// directory may have missed one which these have seen.
	for _, s := range group {
		if err := l.vol.written(s.file, s.name); err != nil {
			return err
		}
	}
	return nil
}

func (l *Logbook) flushEach(group []*staged) error {
	var g errgroup.Group
	g.SetLimit(parallelFlushes)
	for _, s := range group {
		g.Go(func() error { return l.vol.sync(s.file, s.name) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return l.vol.syncDir(stagingDir)
}

// canSyncFS reports whether syncfs(2) on dir does what the logbook needs: it
// waits for data, names and the device, and returns their errors. Others are
// not trusted with it: overlayfs and FUSE pass it on or do not, as they like.
func canSyncFS(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch uint32(st.Type) { // signed where it has 32 bits, and the numbers need all of them
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}

// dirtyBytes is how much the whole machine has written and not flushed, from
// proc(5), /proc/meminfo: more than lies on this file system, never less.
func dirtyBytes() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Dirty:"); ok {
			var kib uint64
			_, err := fmt.Sscanf(rest, "%d kB", &kib)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo: no line for Dirty")
}
