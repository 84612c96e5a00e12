package local

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable"
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
		"quiet":               {dirty: durable.ForeignDirty / 2, trusted: true, together: true},
		"a busy neighbour":    {dirty: durable.ForeignDirty * 2, trusted: true},
		"nobody knows":        {err: errInjected, trusted: true},
		"another file system": {},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &trace{}
			cfg := testConfig(t.TempDir())
			cfg.seams.Fault = tr.record
			cfg.seams.Dirty = func() (uint64, error) { return test.dirty, test.err }
			cfg.seams.CanSyncFS = func(string) bool { return test.trusted }
			book := open(t, cfg)
			tr.steps = nil
			if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
				t.Fatal(err)
			}
			if got := tr.did(disk.OpSyncFS, ""); got != test.together {
				t.Errorf("one flush for all: %v", got)
			}
			if got := tr.did(disk.OpSync, disk.StagingDir+"/"+disk.StagedPrefix); got == test.together {
				t.Errorf("a flush of the file: %v", got)
			}
		})
	}
}

// did reports whether a step of that kind was made on a file of that name.
func (tr *trace) did(op disk.Op, prefix string) bool {
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
	cfg.seams.Fault = tr.record
	cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
	book := open(t, cfg)
	content := make([]byte, flushAlone)
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content); err != nil {
		t.Fatal(err)
	}
	if !tr.did(disk.OpSync, disk.StagingDir+"/"+disk.StagedPrefix) {
		t.Error("it was left to the group")
	}
}

// A write-back error that only the file itself knows of fails the message.
func TestWriteBackError(t *testing.T) {
	var broken atomic.Bool
	cfg := testConfig(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpWritten && broken.Load() {
			return unix.EIO
		}
		return nil
	}
	cfg.seams.CanSyncFS = func(string) bool { return true }
	book := open(t, cfg)
	broken.Store(true)
	d := logbooktest.Draft("a", nil)
	_, err := logbooktest.Append(t.Context(), book, d, nil)
	if !errors.Is(err, logbook.ErrUnavailable) || !errors.Is(err, unix.EIO) {
		t.Errorf("got %v", err)
	}
	if n := book.Len(); n != 0 {
		t.Errorf("%d messages kept", n)
	}
	broken.Store(false)
	untilKept(t, book, d, nil)
}
