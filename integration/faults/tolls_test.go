package faults

import (
	"sync"
	"testing"
)

// tolls stop what passes when so many bytes have passed, until they are opened.
type tolls struct {
	reached chan struct{}

	mu   sync.Mutex
	all  int64
	at   []int64
	wait chan struct{} // closed when the one that was reached is opened
}

func newTolls(at ...int64) *tolls {
	return &tolls{at: at, reached: make(chan struct{}, len(at)), wait: make(chan struct{})}
}

func (l *tolls) pass(bytes int) {
	l.mu.Lock()
	l.all += int64(bytes)
	var wait chan struct{}
	if len(l.at) > 0 && l.all >= l.at[0] {
		l.at = l.at[1:]
		wait = l.wait
		l.reached <- struct{}{}
	}
	l.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (l *tolls) await(t *testing.T) {
	t.Helper()
	select {
	case <-l.reached:
	case <-patient(t).Done():
		t.Fatal("so much was never sent")
	}
}

func (l *tolls) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wait)
	l.wait = make(chan struct{})
}

func (l *tolls) sent() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}
