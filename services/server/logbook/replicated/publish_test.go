package replicated

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
)

// A log that loses entries, and acknowledgements, and both: every message is kept once, and
// its sender hears so.
func TestUnreliableLog(t *testing.T) {
	log, dir, random := begun(t, "a"), t.TempDir(), rand.New(rand.NewPCG(1, 2))
	log.swallow = func([]byte) (lost, silent bool) {
		n := random.IntN(4)
		return n >= 2, n > 0 // what is lost is never acknowledged here
	}
	book := ready(t, open(t, testConfig(dir, "a", log)))
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			content := bytes.Repeat([]byte{byte(i)}, i%3*entry.ChunkSize+i)
			facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content)
			if err != nil || facts.Repeat {
				t.Errorf("message %d: %+v, %v", i, facts, err)
			}
		})
	}
	wg.Wait()
	if n := book.Len(); n != 30 {
		t.Errorf("%d messages are kept", n)
	}
}

// What is never acknowledged is there once it is read, a chunk too.
func TestLogWithoutAcknowledgements(t *testing.T) {
	log := begun(t, "a")
	log.swallow = func([]byte) (lost, silent bool) { return false, true }
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	content := bytes.Repeat([]byte("x"), 2*entry.ChunkSize+1)
	facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content)
	if err != nil || facts.Repeat {
		t.Errorf("%+v, %v", facts, err)
	}
}

// What is acknowledged and not there is published again.
func TestLyingLog(t *testing.T) {
	log := begun(t, "a")
	first := true
	log.swallow = func([]byte) (lost, silent bool) { lost, first = first, false; return lost, false }
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	if facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", []byte("x")), []byte("x")); err != nil {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestFullLog(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	log.set(func(l *handLog) { l.full = true })
	for _, size := range []int{1, 3 * entry.ChunkSize} {
		content := bytes.Repeat([]byte("x"), size)
		d := logbooktest.Draft("a", content)
		if _, err := logbooktest.Append(t.Context(), book, d, content); !errors.Is(err, logbook.ErrNoSpace) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	log.set(func(l *handLog) { l.full = false })
	if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", []byte("x")), []byte("x")); err != nil {
		t.Error(err)
	}
}

// Nobody waits longer than for the time of a commit, and the message may come all the same.
func TestNobodyKnows(t *testing.T) {
	log, dir := begun(t, "a"), t.TempDir()
	log.swallow = func([]byte) (lost, silent bool) { return true, true }
	cfg := testConfig(dir, "a", log)
	cfg.CommitWithin = 50 * time.Millisecond
	book := ready(t, open(t, cfg))
	d := logbooktest.Draft("a", []byte("x"))
	_, err := logbooktest.Append(t.Context(), book, d, []byte("x"))
	if !errors.Is(err, logbook.ErrUnknown) || errors.Is(err, logbooktest.ErrUnanswered) {
		t.Errorf("got %v", err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	log.set(func(l *handLog) { l.swallow = nil })
	book = ready(t, open(t, testConfig(dir, "a", log)))
	if facts, err := logbooktest.Append(t.Context(), book, d, []byte("x")); err != nil || facts.Entry.Seq != 0 {
		t.Errorf("sent again: %+v, %v", facts, err)
	}
}

// Who waits as the logbook is closed is told, and does not hold it up.
func TestCloseWhileTheyWait(t *testing.T) {
	log := begun(t, "a")
	log.swallow = func([]byte) (lost, silent bool) { return true, true }
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	const waiting = 5
	heard := make(chan error, waiting)
	for i := range waiting {
		content := bytes.Repeat([]byte("x"), i*entry.ChunkSize)
		s, err := logbooktest.Stage(t.Context(), book, logbooktest.Draft("a", content), content)
		if err != nil {
			t.Fatal(err)
		}
		s.Commit(t.Context(), func(_ logbook.Facts, err error) { heard <- err })
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	for range waiting {
		select {
		case err := <-heard:
			if !errors.Is(err, logbook.ErrUnknown) && !errors.Is(err, logbook.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		default:
			t.Fatal("somebody still waits")
		}
	}
}

// A copy of the entry of a large message is void, since the first has its chunks; who waits
// hears of the first.
func TestCopyOfAnEntry(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	for i := range 20 {
		content := bytes.Repeat([]byte{byte(i)}, entry.ChunkSize+1)
		chunks := 2
		log.set(func(l *handLog) {
			l.swallow = func(data []byte) (lost, silent bool) {
				if chunks--; chunks < 0 {
					l.add(data)
				}
				return false, false
			}
		})
		facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", content), content)
		if err != nil || facts.Repeat || facts.Entry.Seq != uint64(i) {
			t.Fatalf("message %d: %+v, %v", i, facts, err)
		}
	}
}

// A message that is known is answered without the log.
func TestKnownIsNotPublished(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	d := logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("x")); err != nil {
		t.Fatal(err)
	}
	before := log.last()
	if facts, err := logbooktest.Append(t.Context(), book, d, []byte("x")); err != nil || !facts.Repeat {
		t.Errorf("%+v, %v", facts, err)
	}
	d.Name = "other"
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("x")); !errors.Is(err, logbook.ErrConflict) {
		t.Errorf("other content: %v", err)
	}
	if after := log.last(); after != before {
		t.Errorf("%d entries more", after-before)
	}
}

// What is not as declared is nobody else's business.
func TestMismatchIsNotPublished(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	before := log.last()
	d := logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("y")); !errors.Is(err, logbook.ErrMismatch) {
		t.Errorf("got %v", err)
	}
	if after := log.last(); after != before {
		t.Errorf("%d entries more", after-before)
	}
}

// Two servers at once, each with the same messages in its own order: one number for each.
func TestTwoServersAtOnce(t *testing.T) {
	log, dirs := begun(t, "a", "b"), []string{t.TempDir(), t.TempDir()}
	books := []*Logbook{ready(t, open(t, testConfig(dirs[0], "a", log))), ready(t, open(t, testConfig(dirs[1], "b", log)))}
	drafts := make([]logbook.Draft, 50)
	for i := range drafts {
		drafts[i] = logbooktest.Draft("a", fmt.Append(nil, i))
	}
	var wg sync.WaitGroup
	numbers := make([][]uint64, len(books))
	for i, book := range books {
		numbers[i] = make([]uint64, len(drafts))
		for _, n := range rand.Perm(len(drafts)) {
			wg.Go(func() {
				facts, err := logbooktest.Append(t.Context(), book, drafts[n], fmt.Append(nil, n))
				if err != nil {
					t.Error(err)
				}
				numbers[i][n] = facts.Entry.Seq
			})
		}
	}
	wg.Wait()
	for n := range drafts {
		if numbers[0][n] != numbers[1][n] {
			t.Errorf("message %d has the numbers %d and %d", n, numbers[0][n], numbers[1][n])
		}
	}
	for _, book := range books {
		soon(t, "all is kept", func() bool { return book.Len() == uint64(len(drafts)) })
	}
	equal(t, dirs[0], dirs[1])
}
