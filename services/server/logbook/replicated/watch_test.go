package replicated

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/logfile"
)

// heard counts what a watch hears.
type heard struct{ acknowledged, answered, again, repeats, conflicts, voids atomic.Int64 }

func (h *heard) watch() Watch {
	count := func(n *atomic.Int64) func() { return func() { n.Add(1) } }
	took := func(n *atomic.Int64) func(time.Duration) {
		return func(d time.Duration) {
			if n.Add(1); d < 0 || d > logbooktest.Patience {
				panic(fmt.Sprint("it took ", d))
			}
		}
	}
	return Watch{
		Acknowledged: took(&h.acknowledged), Answered: took(&h.answered), Again: count(&h.again),
		Repeat: count(&h.repeats), Conflict: count(&h.conflicts), Void: count(&h.voids),
	}
}

// came are the counts of what was found in the log.
func (h *heard) came() [3]int64 {
	return [3]int64{h.repeats.Load(), h.conflicts.Load(), h.voids.Load()}
}

// hears opens a logbook that is watched.
func hears(t *testing.T, dir string, log Log) (*Logbook, *heard) {
	t.Helper()
	cfg, h := testConfig(dir, "a", log), new(heard)
	cfg.Watch = h.watch()
	return open(t, cfg), h
}

// Repeats, conflicts and what is void are counted once each, whoever published them. A message
// that is read again, as after a start without a state, is no repeat.
func TestWatchOfTheLog(t *testing.T) {
	log, _ := mixed(t)
	dir := t.TempDir()
	for range 2 {
		book, h := hears(t, dir, log)
		holds(t, ready(t, book), 2)
		soon(t, "what came is counted", func() bool {
			got := h.came()
			return got[0] >= 1 && got[1] >= 1 && got[2] >= 2
		})
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		if got := h.came(); got != [3]int64{1, 1, 2} || h.answered.Load() != 0 {
			t.Errorf("counted %d", got)
		}
		if err := os.Remove(filepath.Join(dir, FoldPath)); err != nil {
			t.Fatal(err)
		}
	}
}

// What is read again and again behind a message that cannot be kept is counted once.
func TestWatchOfARetry(t *testing.T) {
	log, dir := begun(t, "a"), t.TempDir()
	if err := open(t, testConfig(dir, "a", log)).Close(); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "logs", logfile.FileName(0))
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log.put(t, entry.NewKey([]byte("another secret"), testID), published("stray"), []byte("stray"))
	putMessage(t, log, "one")
	log.put(t, entry.NewKey([]byte("another secret"), testID), published("stray"), []byte("stray"))
	book, h := hears(t, dir, log)
	asked := func() (n int) { log.set(func(l *handLog) { n = l.asked }); return n }
	soon(t, "several tries", func() bool { return book.Ready() != nil && asked() > 10 })
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	holds(t, ready(t, book), 1)
	if got := h.came(); got != [3]int64{0, 0, 2} {
		t.Errorf("counted %d", got)
	}
}

// Each answer is timed, and each acknowledgement; what gets lost is published again.
func TestWatchOfPublishing(t *testing.T) {
	log := begun(t, "a")
	book, h := hears(t, t.TempDir(), log)
	ready(t, book)
	before := h.acknowledged.Load()
	d := logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if h.acknowledged.Load() == before || h.answered.Load() != 1 || h.again.Load() != 0 {
		t.Errorf("after a message: %+v", h)
	}
	lose := func(n int) {
		log.set(func(l *handLog) {
			l.swallow = func([]byte) (lost, silent bool) { n--; return n >= 0, n >= 0 }
		})
	}
	for _, size := range []int{1, entry.ChunkSize + 1} {
		before := h.again.Load()
		lose(2)
		content := bytes.Repeat([]byte("y"), size)
		if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content); err != nil {
			t.Fatal(err)
		}
		if n := h.again.Load() - before; n < 2 {
			t.Errorf("%d bytes were published again %d times", size, n)
		}
	}
	if n := h.answered.Load(); n != 3 {
		t.Errorf("%d answers", n)
	}
}

// Who is told of a conflict is answered. Who is told that nobody knows is not.
func TestWatchOfAnswers(t *testing.T) {
	log, other := begun(t, "a"), published("other")
	book, h := hears(t, t.TempDir(), log)
	ready(t, book)
	d := draftOf(*other.Message)
	d.SHA256 = sha256.Sum256([]byte("content"))
	d.Size = uint64(len("content"))
	staged, err := logbooktest.Stage(t.Context(), book, d, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	log.set(func(l *handLog) { // the other one comes first
		l.swallow = func([]byte) (lost, silent bool) {
			l.swallow = nil
			data, err := testKey.Seal(other, []byte("other"))
			if err != nil {
				t.Error(err)
			}
			l.add(data)
			return false, false
		}
	})
	if _, err := logbook.Append(t.Context(), staged); !errors.Is(err, logbook.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if h.answered.Load() != 1 || h.conflicts.Load() != 1 {
		t.Errorf("heard %+v", h)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	log.swallow = func([]byte) (lost, silent bool) { return true, false }
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.Watch, cfg.CommitWithin = h.watch(), 50*time.Millisecond
	book, d = ready(t, open(t, cfg)), logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("x")); !errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if n := h.answered.Load(); n != 1 {
		t.Errorf("%d answers", n)
	}
}
