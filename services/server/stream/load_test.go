package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/stream"
)

// load is entries that are published and read all the time: each is published again
// until it is acknowledged.
type load struct {
	t        *testing.T
	s        *stream.Stream
	writers  sync.WaitGroup
	stop     chan struct{} // closed: writers begin no more entries
	stopRead context.CancelFunc
	ended    chan error // of Read

	mu       sync.Mutex
	next     int            // number of the next entry
	acked    map[uint64]int // number by position
	last     uint64         // acknowledged
	twice    []uint64       // positions that were acknowledged for two entries
	received []stream.Entry
}

const writers = 16

func startLoad(t *testing.T, s *stream.Stream) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{
		t: t, s: s, stop: make(chan struct{}), stopRead: cancel, ended: make(chan error, 1),
		acked: make(map[uint64]int),
	}
	for range writers {
		l.writers.Go(l.write)
	}
	go func() { l.ended <- s.Read(ctx, 0, l.receive) }()
	t.Cleanup(cancel)
	return l
}

func (l *load) receive(e stream.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received = append(l.received, e)
	return nil
}

func (l *load) write() {
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		l.mu.Lock()
		number := l.next
		l.next++
		l.mu.Unlock()
		l.keep(number)
	}
}

// keep publishes an entry until it is acknowledged.
func (l *load) keep(number int) {
	type outcome struct {
		position uint64
		err      error
	}
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		done := make(chan outcome, 1)
		err := l.s.Publish(header(number), []byte(body(number)), func(position uint64, err error) {
			done <- outcome{position, err}
		})
		o := outcome{err: err}
		if err == nil {
			o = <-done
		}
		switch {
		case o.err == nil:
			l.note(o.position, number)
			return
		case !errors.Is(o.err, stream.ErrUnknown):
			l.t.Errorf("entry %d: %v", number, o.err)
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // without a connection it fails at once
		}
	}
	l.t.Errorf("entry %d was not acknowledged", number)
}

func (l *load) note(position uint64, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, taken := l.acked[position]; taken {
		l.twice = append(l.twice, position)
	}
	l.acked[position] = number
	l.last = max(l.last, position)
}

// await waits until more entries than now are acknowledged and read.
func (l *load) await(what string, more int) {
	l.t.Helper()
	acked, read := l.counts()
	l.until(what, func() bool {
		a, r := l.counts()
		return a >= acked+more && r >= read+more
	})
}

func (l *load) counts() (acked, read int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked), len(l.received)
}

func (l *load) until(what string, holds func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			acked, read := l.counts()
			l.t.Fatalf("%s: not within %v; %d acknowledged, %d read", what, patience, acked, read)
		}
	}
}

// finish ends the load once all that was acknowledged is read, and compares.
func (l *load) finish() {
	l.t.Helper()
	close(l.stop)
	l.writers.Wait()
	l.until("all that was acknowledged is read", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.received) > 0 && l.received[len(l.received)-1].Position >= l.last
	})
	l.stopRead()
	if err := <-l.ended; !errors.Is(err, context.Canceled) {
		l.t.Errorf("Read: %v", err)
	}
	if len(l.twice) > 0 {
		l.t.Errorf("acknowledged for two entries: %v", l.twice)
	}
	for i, e := range l.received {
		if e.Position != uint64(i+1) {
			l.t.Fatalf("the entry read as number %d is at %d", i, e.Position)
		}
	}
	for position, number := range l.acked {
		if got := string(l.received[position-1].Data); got != body(number) {
			l.t.Errorf("at %d: %q, was acknowledged for %q", position, got, fmt.Sprint(body(number)))
		}
	}
}
