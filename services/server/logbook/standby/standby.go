// Package standby keeps trying to open a logbook and stands in for it until
// then: every call is ErrUnavailable, and Ready says why. So a server whose
// volume is held by another one, does not fit or cannot be written now takes
// over by itself once that ends.
package standby

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Logbook implements logbook.Logbook over one that may not be open yet.
type Logbook struct {
	id     string
	open   func() (logbook.Logbook, error)
	stop   context.CancelFunc
	ended  chan struct{}
	opened chan struct{} // closed once book is set

	mu   sync.Mutex
	book logbook.Logbook
	err  error // why there is none
}

var _ logbook.Logbook = (*Logbook)(nil)

// Open calls open now, and again every interval until it succeeds.
func Open(id string, open func() (logbook.Logbook, error), interval time.Duration) *Logbook {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Logbook{id: id, open: open, stop: cancel,
		ended: make(chan struct{}), opened: make(chan struct{})}
	if l.try() {
		close(l.ended)
		return l
	}
	go l.keepTrying(ctx, interval)
	return l
}

func (l *Logbook) keepTrying(ctx context.Context, interval time.Duration) {
	defer close(l.ended)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if l.try() {
				return
			}
		}
	}
}

// try opens the logbook once.
func (l *Logbook) try() bool {
	book, err := l.open()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = err
		return false
	}
	l.book, l.err = book, nil
	close(l.opened)
	return true
}

// Opened is closed once the logbook is open.
func (l *Logbook) Opened() <-chan struct{} { return l.opened }

// get returns the logbook, or why there is none.
func (l *Logbook) get() (logbook.Logbook, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.book == nil {
		return nil, fmt.Errorf("%w: %w", logbook.ErrUnavailable, l.err)
	}
	return l.book, nil
}

// ID returns the logbook's id; before it is open, the one that was known when
// the trying began.
func (l *Logbook) ID() string {
	if book, err := l.get(); err == nil {
		return book.ID()
	}
	return l.id
}

// Lookup passes the call on.
func (l *Logbook) Lookup(ctx context.Context, sender string, id message.ID) (logbook.Facts, bool, error) {
	book, err := l.get()
	if err != nil {
		return logbook.Facts{}, false, err
	}
	return book.Lookup(ctx, sender, id)
}

// Receipt passes the call on.
func (l *Logbook) Receipt(ctx context.Context, f logbook.Facts) ([]byte, error) {
	book, err := l.get()
	if err != nil {
		return nil, err
	}
	return book.Receipt(ctx, f)
}

// Entries passes the call on.
func (l *Logbook) Entries(ctx context.Context, from uint64, visit func(logfile.Entry) error) (uint64, error) {
	book, err := l.get()
	if err != nil {
		return 0, err
	}
	return book.Entries(ctx, from, visit)
}

// Stage passes the call on.
func (l *Logbook) Stage(ctx context.Context, d logbook.Draft) (logbook.Staged, error) {
	book, err := l.get()
	if err != nil {
		return nil, err
	}
	return book.Stage(ctx, d)
}

// Scratch passes the call on.
func (l *Logbook) Scratch(ctx context.Context, sender string, limit uint64) (logbook.Scratch, error) {
	book, err := l.get()
	if err != nil {
		return nil, err
	}
	return book.Scratch(ctx, sender, limit)
}

// Ready is nil when messages can be kept, else the reason.
func (l *Logbook) Ready() error {
	l.mu.Lock()
	book, err := l.book, l.err
	l.mu.Unlock()
	if book == nil {
		return err
	}
	return book.Ready()
}

// Close ends the trying and closes the logbook if it is open.
func (l *Logbook) Close() error {
	l.stop()
	<-l.ended
	book, err := l.get()
	if err != nil {
		return nil
	}
	return book.Close()
}
