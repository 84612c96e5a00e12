package local

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
)

// A flush of the whole file system is shared only while others have little to
// flush on it, and only where it is trusted.
func TestWhichFlush(t *testing.T) {
	for name, test := range map[string]struct {
		dirty    uint64
		err      error
		trusted  bool
		together bool
	}{
		"quiet":               {dirty: foreignDirty / 2, trusted: true, together: true},
		"a busy neighbour":    {dirty: foreignDirty * 2, trusted: true},
		"nobody knows":        {err: errInjected, trusted: true},
		"another file system": {},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &trace{}
			cfg := testConfig(t.TempDir())
			cfg.Fault = tr.record
			cfg.Dirty = func() (uint64, error) { return test.dirty, test.err }
			book := open(t, cfg)
			book.canSyncFS = test.trusted
			tr.steps = nil
			if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
				t.Fatal(err)
			}
			if got := tr.did(OpSyncFS, ""); got != test.together {
				t.Errorf("one flush for all: %v", got)
			}
			if got := tr.did(OpSync, stagingDir+"/"+stagedPrefix); got == test.together {
				t.Errorf("a flush of the file: %v", got)
			}
		})
	}
}

// did reports whether a step of that kind was made on a file of that name.
func (tr *trace) did(op Op, prefix string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, s := range tr.steps {
		if s.Op == op && strings.HasPrefix(s.Name, prefix) {
			return true
		}
	}
	return false
}

// A large message is flushed before it joins a group.
func TestLargeMessageIsFlushedAlone(t *testing.T) {
	tr := &trace{}
	cfg := testConfig(t.TempDir())
	cfg.Fault = tr.record
	cfg.Dirty = func() (uint64, error) { return 0, nil }
	book := open(t, cfg)
	content := make([]byte, flushAlone)
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content); err != nil {
		t.Fatal(err)
	}
	if !tr.did(OpSync, stagingDir+"/"+stagedPrefix) {
		t.Error("it was left to the group")
	}
}

// A write-back error that only the file itself knows of fails the message.
func TestWriteBackError(t *testing.T) {
	var broken atomic.Bool
	cfg := testConfig(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	cfg.Dirty = func() (uint64, error) { return 0, nil }
	cfg.Fault = func(s Step) error {
		if s.Op == OpWritten && broken.Load() {
			return unix.EIO
		}
		return nil
	}
	book := open(t, cfg)
	book.canSyncFS = true
	broken.Store(true)
	d := logbooktest.Draft("a", nil)
	if _, err := logbooktest.Append(t.Context(), book, d, nil); !errors.Is(err, logbook.ErrUnavailable) || !errors.Is(err, unix.EIO) {
		t.Errorf("got %v", err)
	}
	if n := book.Len(); n != 0 {
		t.Errorf("%d messages kept", n)
	}
	broken.Store(false)
	untilKept(t, book, d, nil)
}

func TestDirtyBytes(t *testing.T) {
	n, err := dirtyBytes()
	if err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// What is announced as a flush is one: the kernel refuses it where there is
// nothing to flush, or no file any more.
func TestFlushesAreReal(t *testing.T) {
	closed, err := os.Open(t.TempDir())
	check(t, err)
	check(t, closed.Close())
	pipe, other, err := os.Pipe()
	check(t, err)
	t.Cleanup(func() { _, _ = pipe.Close(), other.Close() })
	vol := &volume{dir: "/proc", step: noFault, root: closed}
	for name, err := range map[string]error{
		"of a pipe": vol.sync(pipe, "pipe"), "of the names in /proc": vol.syncDir(""),
		"of a file system that was let go": vol.syncFS(), "of what a pipe wrote back": vol.written(pipe, "pipe"),
	} {
		if err == nil {
			t.Errorf("a flush %s said that all is well", name)
		}
	}
}
