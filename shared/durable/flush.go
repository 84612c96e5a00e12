package durable

import (
	"os"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// ForeignDirty is how much others may have written without a flush, in bytes,
	// before their bytes make one flush of a whole file system the slower way:
	// with ForeignDirtyPerFile for each file that would be flushed by itself, which
	// takes about as long as writing so many bytes.
	ForeignDirty        = 32 << 20
	ForeignDirtyPerFile = 128 << 10

	parallelFlushes = 16 // files flushed at once, one by one
)

// Flusher decides between one flush of a whole file system, whose cost hardly
// grows with what is flushed, and one of each file. The first also writes out what
// everybody else on that file system has not flushed. Safe for concurrent use.
type Flusher struct {
	trusted bool

	mu    sync.Mutex
	dirty Gauge
}

// NewFlusher returns a Flusher for a file system that is trusted with syncfs(2) or
// not, as CanSyncFS says. dirty reads how many bytes the machine has not flushed:
// DirtyBytes.
func NewFlusher(trusted bool, dirty func() (uint64, error)) *Flusher {
	return &Flusher{trusted: trusted, dirty: Gauge{Read: dirty}}
}

// Trusted reports whether the file system is ever flushed as a whole.
func (f *Flusher) Trusted() bool { return f.trusted }

// Together reports whether one flush of the file system is the way for what was
// just written: so many files, with so many bytes.
func (f *Flusher) Together(files int, own uint64) bool {
	if !f.trusted {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	dirty, _, err := f.dirty.Value()
	return err == nil && dirty < own+ForeignDirty+uint64(files)*ForeignDirtyPerFile
}

// Group is open files and directories that one Flush makes durable.
type Group struct {
	// Opened lies on their file system, and was opened before anything in it was
	// written: an error of write-back is reported once to each open file. It must
	// serve no other flush meanwhile.
	Opened *Dir
	Files  []*os.File
	Dirs   []*Dir // those that gained a name before those that lost one
	Bytes  uint64 // of the files
}

// Flush makes the bytes of the group's files durable, and the names in its
// directories. After an error nothing in it is to be taken for durable, also by a
// later Flush of the same: the kernel may have dropped the pages.
func (f *Flusher) Flush(g Group) error {
	if f.Together(len(g.Files), g.Bytes) {
		return g.together()
	}
	return g.each()
}

func (g Group) together() error {
	if err := SyncFS(g.Opened.file); err != nil {
		return err
	}
	// The descriptor may have missed an error which these have seen.
	for _, file := range g.Files {
		if err := Written(file); err != nil {
			return err
		}
	}
	return nil
}

func (g Group) each() error {
	var all errgroup.Group
	all.SetLimit(parallelFlushes)
	for _, file := range g.Files {
		all.Go(file.Sync)
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, d := range g.Dirs {
		if err := d.Sync(); err != nil {
			return err
		}
	}
	return nil
}
