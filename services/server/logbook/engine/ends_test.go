package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/logbooktest"
)

// ending is a message, and what became of it.
type ending struct {
	*fileBody
	draft    logbook.Draft
	released atomic.Int32
	answers  atomic.Int32
	facts    logbook.Facts
	err      error
}

func (m *ending) Release(keep bool) {
	m.released.Add(1)
	m.fileBody.Release(keep)
}

// unreliable is a disk on which one operation in a hundred fails while it is bad.
type unreliable struct {
	mu     sync.Mutex
	random *rand.Rand
	bad    atomic.Bool
}

func (u *unreliable) fault(disk.Step) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.bad.Load() || u.random.IntN(100) > 0 {
		return nil
	}
	return []error{unix.EIO, unix.ENOSPC, unix.EMFILE}[u.random.IntN(3)]
}

// bringMany has several senders bring messages, many under the same ids, some
// after closing was called.
func bringMany(t *testing.T, e *Engine, senders, each, ids int, closing func()) (all []*ending) {
	t.Helper()
	var drafts []logbook.Draft
	for i := range ids {
		drafts = append(drafts, logbooktest.Draft(fmt.Sprint("sender-", i%3), []byte("x")))
	}
	for i := range senders * each {
		name := fmt.Sprintf("%s/%s%d", disk.StagingDir, disk.StagedPrefix, i)
		all = append(all, &ending{draft: drafts[i%ids], fileBody: &fileBody{vol: e.stores.Volume, name: name}})
	}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i, m := range all[s*each : (s+1)*each] {
				if s == 0 && i == each/2 {
					closing()
				}
				m.bring(t, e)
			}
		})
	}
	wg.Wait()
	return all
}

func (m *ending) bring(t *testing.T, e *Engine) {
	err := e.Push(t.Context(), &Message{Draft: m.draft, Body: m, Then: func(f logbook.Facts, err error) {
		m.facts, m.err = f, err
		m.answers.Add(1)
	}})
	if err == nil {
		return
	}
	if !errors.Is(err, logbook.ErrClosed) {
		t.Errorf("a message was not taken: %v", err)
	}
	m.err = err
	m.Release(false)
	m.answers.Add(1)
}

// Whatever fails, and whenever the engine is closed: each message is answered
// once and given back once, and nothing is counted any more.
func TestEachMessageEndsOnce(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			u := &unreliable{random: rand.New(rand.NewPCG(seed, 1))}
			e := startTrying(t, u.fault, time.Millisecond)
			u.bad.Store(true)
			closed := make(chan error, 1)
			all := bringMany(t, e, 4, 60, int(5+seed*5), func() { go func() { closed <- e.Close() }() })
			_ = logbooktest.Await(t, "the engine closes", closed)
			kept := 0
			for i, m := range all {
				if a, r := m.answers.Load(), m.released.Load(); a != 1 || r != 1 {
					t.Fatalf("message %d was answered %d times and given back %d times", i, a, r)
				}
				if m.err == nil && !m.facts.Repeat {
					kept++
				}
				m.checkFile(t, e)
			}
			if n := e.Len(); uint64(kept) > n {
				t.Errorf("%d were answered as kept, %d are", kept, n)
			}
			if n := len(e.committer.underway); n > 0 || e.queue.held != 0 || len(e.queue.of) > 0 {
				t.Errorf("%d ids are under way, %d bytes are held, %v", n, e.queue.held, e.queue.of)
			}
		})
	}
}

// checkFile expects the log file of a message that was answered as kept.
func (m *ending) checkFile(t *testing.T, e *Engine) {
	if m.err != nil {
		return
	}
	if _, err := os.Stat(e.stores.Volume.Logs(m.facts.Entry.File)); err != nil {
		t.Error(err)
	}
}

// Who waits for a message of a durable group that cannot be finished is told to
// try again, and does not count any more.
func TestWaitingForAnUnfinishedGroup(t *testing.T) {
	var e *Engine
	bring := func(d logbook.Draft, n int) *ending {
		name := fmt.Sprintf("%s/%s%d", disk.StagingDir, disk.StagedPrefix, n)
		m := &ending{draft: d, fileBody: &fileBody{vol: e.stores.Volume, name: name}}
		m.bring(t, e)
		return m
	}
	d := logbooktest.Draft("a", []byte("x"))
	var second *ending
	tries, triedAgain := 0, make(chan struct{})
	e = startTrying(t, func(s disk.Step) error {
		switch {
		case s.Op == disk.OpAppend && s.Name == wal.Path: // the group of the first is being flushed
			second = bring(d, 2)
			for e.queue.len() > 0 { // until it is set aside
				runtime.Gosched()
			}
		case s.Op == disk.OpRename && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix):
			if tries++; tries == 2 {
				close(triedAgain)
			}
			return unix.EIO
		}
		return nil
	}, time.Millisecond)
	first := bring(d, 1)
	logbooktest.Await(t, "another try", triedAgain)
	if n := second.answers.Load(); n != 1 {
		t.Errorf("the second was answered %d times", n)
	}
	check(t, e.Close())
	if !errors.Is(second.err, logbook.ErrUnavailable) || !errors.Is(second.err, unix.EIO) {
		t.Errorf("the second was answered with %v", second.err)
	}
	if !errors.Is(first.err, logbook.ErrUnknown) || e.queue.held != 0 {
		t.Errorf("the first was answered with %v; %d bytes are held", first.err, e.queue.held)
	}
}
