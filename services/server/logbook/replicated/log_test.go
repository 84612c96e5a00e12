package replicated

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// handLog is a replicated log made by hand: what stands in it, and what is said of it, is
// the test's.
type handLog struct {
	mu      sync.Mutex
	entries []fold.Entry
	more    chan struct{} // closed when there is more
	clock   time.Time     // of the next entry
	// swallow, if set, says what becomes of an entry: it is not there, nobody hears that
	// it is, or both.
	swallow func(data []byte) (lost, silent bool)
	full    bool
	info    *stream.Info    // that is said of it; nil: what is so
	asked   int             // how often that was asked for
	stepped []string        // the nodes in whose place another one was to lead
	gone    map[uint64]bool // that cannot be had
	most    int64           // bytes that it takes, as it says; 0: any
	first   uint64          // of those that were not purged
	unfit   error           // that Check returns
}

func newHandLog() *handLog {
	return &handLog{more: make(chan struct{}), first: 1, clock: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
}

var (
	errGone   = errors.New("no such entry")
	errSilent = errors.New("no acknowledgement")
)

func (l *handLog) Publish(data []byte, done func(uint64, error)) {
	l.mu.Lock()
	if l.full {
		l.mu.Unlock()
		done(0, stream.ErrFull)
		return
	}
	lost, silent := false, false
	if l.swallow != nil {
		lost, silent = l.swallow(data)
	}
	at := uint64(len(l.entries)) // another one's, where this is lost
	if !lost {
		at = l.add(data)
	}
	l.mu.Unlock()
	if silent {
		time.AfterFunc(time.Millisecond, func() { done(0, errSilent) })
		return
	}
	done(at, nil)
}

// add is called with mu held.
func (l *handLog) add(data []byte) uint64 {
	at := uint64(len(l.entries) + 1)
	l.entries = append(l.entries, fold.Entry{Position: at, Time: l.clock, Data: bytes.Clone(data)})
	l.clock = l.clock.Add(time.Second + time.Nanosecond)
	close(l.more)
	l.more = make(chan struct{})
	return at
}

// put adds an entry, and returns its position.
func (l *handLog) put(t *testing.T, key entry.Key, h entry.Header, body []byte) uint64 {
	t.Helper()
	data, err := key.Seal(h, body)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(data)
}

func (l *handLog) Read(ctx context.Context, behind uint64, visit func(fold.Entry) error) error {
	for at := behind + 1; ; {
		l.mu.Lock()
		more, gone, first := l.more, l.gone[at], l.first
		var e *fold.Entry
		if at <= uint64(len(l.entries)) {
			e = &l.entries[at-1]
		}
		l.mu.Unlock()
		if at < first {
			return &stream.TrimmedError{First: first}
		}
		if gone {
			return errGone
		}
		if e != nil {
			if err := visit(*e); err != nil {
				return err
			}
			at++
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *handLog) Info(context.Context) (stream.Info, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.info != nil {
		return *l.info, nil
	}
	n := uint64(len(l.entries))
	return stream.Info{
		First: l.first, Last: n, Entries: n + 1 - l.first, Bytes: l.bytes(), MaxBytes: l.most, Leader: "n1",
	}, nil
}

func (l *handLog) StepDown(_ context.Context, leader string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stepped = append(l.stepped, leader)
	return nil
}

// bytes is called with mu held.
func (l *handLog) bytes() (n uint64) {
	for _, e := range l.entries[l.first-1:] {
		n += uint64(len(e.Data))
	}
	return n
}

func (l *handLog) Purge(_ context.Context, below uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first = max(l.first, below)
	return nil
}

func (l *handLog) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unfit
}

// last is the position of the last entry.
func (l *handLog) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.entries))
}

func (l *handLog) Get(_ context.Context, position uint64) (fold.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position < l.first || position > uint64(len(l.entries)) || l.gone[position] {
		return fold.Entry{}, errGone
	}
	return l.entries[position-1], nil
}

// forget makes an entry one that can be had no more, or again.
func (l *handLog) forget(position uint64, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone == nil {
		l.gone = make(map[uint64]bool)
	}
	l.gone[position] = gone
}

// set changes what is said of the log.
func (l *handLog) set(change func(*handLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}
