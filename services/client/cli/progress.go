package cli

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/progress"
)

// counting is a carrier that counts what goes through it.
type counting struct {
	carrier
	moved   atomic.Int64  // bytes of messages that are settled or on their way
	settled atomic.Uint64 // messages that have come to their end; others count them
}

// Deliver counts the bytes of the last attempt, and none of a message that failed.
func (c *counting) Deliver(ctx context.Context, m courier.Message) (courier.Delivery, error) {
	var mine atomic.Int64
	open := m.Open
	m.Open = func() (io.ReadSeekCloser, error) {
		in, err := open()
		if err != nil {
			return nil, err
		}
		c.moved.Add(-mine.Swap(0))
		return &counted{ReadSeekCloser: in, add: func(n int) { mine.Add(int64(n)); c.moved.Add(int64(n)) }}, nil
	}
	d, err := c.carrier.Deliver(ctx, m)
	if err != nil {
		c.moved.Add(-mine.Swap(0))
	}
	return d, err
}

func (c *counting) bytes() uint64 { return uint64(max(c.moved.Load(), 0)) }

// counted tells how far a reader has come, one that passes over what the server
// has already among it.
type counted struct {
	io.ReadSeekCloser
	at  int64
	add func(n int)
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.ReadSeekCloser.Read(p)
	r.at += int64(n)
	r.add(n)
	return n, err
}

func (r *counted) Seek(offset int64, whence int) (int64, error) {
	to, err := r.ReadSeekCloser.Seek(offset, whence)
	if err == nil {
		r.add(int(to - r.at))
		r.at = to
	}
	return to, err
}

// progress shows how far a work is until stop is called. Where nobody is to see
// that, nothing is counted either.
func (r *runner) progress(unit string, count func(*counting) progress.Count) (c *counting, stop func()) {
	c = &counting{carrier: r.carrier}
	if r.json || r.quiet || !r.screen.IsTerminal() {
		return c, func() {}
	}
	r.carrier = c
	return c, r.screen.Show(progress.Work{Unit: unit, Count: func() progress.Count { return count(c) }})
}

// waitingCount counts the messages of an outbox: those settled since it was empty
// last, of all since then. It is the painter's.
type waitingCount struct {
	waiting func() (int, error)

	next    time.Time // of the next look, which costs the more the more there is
	all     uint64    // settled, and waiting at the last look
	settled uint64    // when it was empty last
	bytes   uint64
}

// lookShare is the part of their time, one in so many, that the painter and surveys may
// spend on looks.
const lookShare = 20

func (w *waitingCount) count(c *counting) progress.Count {
	settled, bytes := c.settled.Load(), c.bytes()
	if now := time.Now(); !now.Before(w.next) {
		n, err := w.waiting()
		if err == nil {
			w.all = settled + uint64(n)
		}
		if n == 0 {
			w.settled, w.bytes = settled, bytes
		}
		w.next = now.Add(max(time.Second, lookShare*time.Since(now)))
	}
	if w.all <= w.settled {
		return progress.Count{}
	}
	return progress.Count{Done: settled - w.settled, All: w.all - w.settled, Bytes: bytes - min(bytes, w.bytes)}
}
