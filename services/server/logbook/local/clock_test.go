package local

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// wildClock goes back an hour with each look, and a day to and fro besides.
func wildClock() func() time.Time {
	start := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	var looks atomic.Int64
	return func() time.Time {
		n := looks.Add(1)
		return start.Add(-time.Duration(n)*time.Hour + time.Duration(n%2)*24*time.Hour)
	}
}

// What the clock says goes into the log files and nowhere else: numbers, order,
// receipts, waits and recovery do not rest on it.
func TestClockJumps(t *testing.T) {
	cfg := indexed(t.TempDir())
	cfg.now = wildClock()
	killed := killable(&cfg)
	book := open(t, cfg)
	kept := sendWhile(t, book, 6, 10)
	wantInOrder(t, cfg.Dir, 60)
	wantAll(t, book, kept)

	// As a kill would leave it: the next server replays, years before.
	killed.Store(true)
	closeBook(t, book)
	killed.Store(false)
	cfg.now = func() time.Time { return time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC) }
	book = open(t, cfg)
	wantAll(t, book, kept)
	for id, facts := range sendWhile(t, book, 2, 5) {
		kept[id] = facts
		if year := facts.Entry.ReceivedAt.Year(); year != 1971 || facts.Entry.Seq < 60 {
			t.Errorf("message %d was received in %d", facts.Entry.Seq, year)
		}
	}
	wantAll(t, book, kept)
	var signed []receipt.Checkpoint
	for _, facts := range kept {
		signed = append(signed, wantReceipt(t, book, facts))
	}
	closeBook(t, book)
	wantInOrder(t, cfg.Dir, 70)
	checkExtends(t, "after the jumps", read(t, filepath.Join(cfg.Dir, manifest.Path)), signed)
	if _, err := Verify(cfg, func(d Difference) { t.Error(d) }); err != nil {
		t.Error(err)
	}
}

// sendWhile sends from several senders at once. A wait that is reckoned by the
// clock would last for hours: the test fails in minutes instead.
func sendWhile(t *testing.T, book *Logbook, senders, each int) map[message.ID]logbook.Facts {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	kept := make(map[message.ID]logbook.Facts)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				content := fmt.Append(nil, s, " ", i)
				d := logbooktest.Draft(fmt.Sprint("sender-", s), content)
				facts, err := logbooktest.Append(ctx, book, d, content)
				if err != nil {
					t.Errorf("sender %d, message %d: %v", s, i, err)
					return
				}
				mu.Lock()
				kept[d.ID] = facts
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return kept
}

// wantInOrder expects n manifest lines, numbered in their order, whose times go
// back somewhere: else the clock was not the one of the test.
func wantInOrder(t *testing.T, dir string, n uint64) {
	t.Helper()
	var times []time.Time
	for line := range bytes.Lines(read(t, filepath.Join(dir, manifest.Path))) {
		e, err := logfile.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil || e.Seq != uint64(len(times)) {
			t.Fatalf("line %d says %d, %v", len(times), e.Seq, err)
		}
		times = append(times, e.ReceivedAt)
	}
	if uint64(len(times)) != n {
		t.Errorf("%d lines instead of %d", len(times), n)
	}
	if slices.IsSortedFunc(times, time.Time.Compare) {
		t.Error("the clock never went back")
	}
}
