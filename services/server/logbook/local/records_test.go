package local

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/logbooktest"
)

// Records that could not be replaced after a failed append turn readiness red,
// whatever kept them from it, until they are: no group is believed to them.
func TestRecordsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	cfg.RetryEvery = time.Hour // nothing heals but a message
	var armed, appended atomic.Bool
	cfg.seams.Fault = func(s disk.Step) error {
		switch {
		case s.Op == disk.OpAppend && s.Name == wal.Path && armed.CompareAndSwap(true, false):
			appended.Store(true)
			return unix.EIO
		case s.Op == disk.OpSyncDir && s.Name == disk.StagingDir && appended.CompareAndSwap(true, false):
			return unix.EMFILE
		}
		return nil
	}
	book := open(t, cfg)
	armed.Store(true)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	if !errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("the message whose record nobody knows of: %v", err)
	}
	if book.Ready() == nil {
		t.Error("the logbook is ready")
	}
	closeBook(t, book)
	closeBook(t, open(t, testConfig(dir)))
}
