package local

import (
	"errors"
	"sync/atomic"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
)

// stuck is a logbook whose flush stands until it is let go, or told to fail.
type stuck struct {
	*Logbook
	flushing chan struct{}
	fail     func(error)
}

func (b *stuck) letGo() { b.fail(nil) }

func openStuck(t *testing.T, cfg Config) *stuck {
	t.Helper()
	flushing, release := make(chan struct{}), make(chan error, 1)
	var armed atomic.Bool // recovery flushes too
	fault := cfg.seams.Fault
	cfg.seams.Fault = func(s disk.Step) error {
		if flushesMessages(s) && armed.CompareAndSwap(true, false) {
			close(flushing)
			return <-release
		}
		if fault == nil {
			return nil
		}
		return fault(s)
	}
	b := &stuck{Logbook: open(t, cfg), flushing: flushing, fail: func(err error) {
		select {
		case release <- err:
		default: // it was told before
		}
	}}
	armed.Store(true)
	t.Cleanup(func() { b.letGo(); closeBook(t, b.Logbook) })
	return b
}

// waits reports whether the committer has taken all that is in the queue, and
// somebody waits for room in it.
func (b *stuck) waits() bool {
	queued := b.Queued()
	return queued.Messages == 0 && queued.Full
}

// inHand is what the committer has taken and not set aside yet: meanwhile others
// find its room.
const inHand = 16 * smallFile

// Sixty callers bring one message again and again while a flush stands. What is
// set aside for the first of its id is bounded, and others find room beside it.
func TestSetAsideIsBounded(t *testing.T) {
	book := openStuck(t, testConfig(t.TempDir()))
	content := make([]byte, smallFile-1<<10)
	d := logbooktest.Draft("attacker", content)
	first := handOver(t.Context(), stage(t, book.Logbook, d, content))
	logbooktest.Await(t, "the flush", book.flushing)

	const callers, each = 60, 20 // 37 MiB
	answered := make(chan error, callers*each)
	taken := make(chan struct{}, callers*each)
	for range callers {
		go func() {
			for range each {
				s := stage(t, book.Logbook, d, content)
				s.Commit(t.Context(), func(_ logbook.Facts, err error) { answered <- err })
				taken <- struct{}{}
			}
		}()
	}
	wait := func() bool { return book.waits() || len(taken) == callers*each }
	if !logbooktest.Soon(t, "those who bring more to wait", wait) {
		t.FailNow()
	}
	held := int64(len(taken)) * int64(len(content))
	t.Logf("%d messages are set aside, %d KiB of content", len(taken), held>>10)
	if held > engine.MaxOfSender+smallFile+inHand {
		t.Fatalf("one sender's messages hold %d bytes, more than %d", held, engine.MaxOfSender) // the next would wait
	}
	other := logbooktest.Draft("another", []byte("x"))
	second := handOver(t.Context(), stage(t, book.Logbook, other, []byte("x"))) // does not wait

	book.letGo()
	for _, wait := range []func() (logbook.Facts, error){first, second} {
		if _, err := wait(); err != nil {
			t.Error(err)
		}
	}
	var errs []error
	for range callers * each {
		errs = append(errs, logbooktest.Await(t, "the answers", answered))
	}
	if err := errors.Join(errs...); err != nil || book.Len() != 2 {
		t.Errorf("%d messages are kept, %v", book.Len(), err)
	}
}

// All senders together set aside no more than what may wait in all, in memory or
// in open files.
func TestSetAsideOfAllIsBounded(t *testing.T) {
	for _, row := range []struct {
		name string
		size int
	}{{"in memory", smallFile - 1<<10}, {"in files", smallFile + 1}} {
		t.Run(row.name, func(t *testing.T) {
			book := openStuck(t, testConfig(t.TempDir()))
			content := make([]byte, row.size)
			const senders, each = 4, 100
			var drafts []logbook.Draft
			for i := range senders {
				drafts = append(drafts, logbooktest.Draft(string(rune('a'+i)), content))
			}
			answered := make(chan error, senders*(each+1))
			taken := make(chan struct{}, senders*each)
			bring := func(d logbook.Draft) {
				s := stage(t, book.Logbook, d, content)
				s.Commit(t.Context(), func(_ logbook.Facts, err error) { answered <- err })
			}
			for _, d := range drafts {
				bring(d)
			}
			logbooktest.Await(t, "the flush", book.flushing)
			for _, d := range drafts {
				go func() {
					for range each {
						bring(d)
						taken <- struct{}{}
					}
				}()
			}
			wait := func() bool { return book.waits() || len(taken) == senders*each }
			if !logbooktest.Soon(t, "those who bring more to wait", wait) {
				t.FailNow()
			}
			t.Logf("%d messages of %d bytes wait", len(taken), row.size)
			if n := int64(len(taken)) * smallFile; n > engine.MaxQueued+senders*smallFile+inHand {
				t.Errorf("%d messages of %d bytes wait, more than %d bytes in all", len(taken), row.size, engine.MaxQueued)
			}
			book.letGo()
			for range senders * (each + 1) {
				if err := logbooktest.Await(t, "the answers", answered); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// On its way in a message has at most smallFile bytes in memory: a larger one is
// in its file.
func TestLargeOnesAreInFiles(t *testing.T) {
	book := open(t, testConfig(t.TempDir()))
	defer closeBook(t, book)
	for _, size := range []int{1, smallFile - 1<<10, smallFile, 1 << 20} {
		content := make([]byte, size)
		s := stage(t, book, logbooktest.Draft("a", content), content).(*staged)
		held := 0
		if m, ok := s.sheet.(*smallSheet); ok {
			held = len(m.text)
		}
		t.Logf("%d bytes: %d in memory", size, held)
		if inFile := s.file != nil; held > smallFile || inFile != (size >= smallFile) || inFile && held > 0 {
			t.Errorf("of %d bytes %d are in memory, in a file: %v", size, held, inFile)
		}
		s.Discard()
	}
}
