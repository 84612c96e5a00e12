// Package quota holds senders to their limits: bytes of a day, and messages a second.
//
// A message counts once, with the size that it declares, when the logbook keeps it: a
// repeat, and one that is refused or cut off, counts nothing. Until then its size is
// reserved, so that several connections of a sender do not overrun together; offers of
// one id share one reservation.
//
// The days are those of UTC. A day begins at a number: that of the first message that
// is kept once the server has seen the day, which the [Record] keeps. So the bytes of a
// day are a sum over entries of the logbook, and the same after a restart.
//
// Guaranteed: what is kept of a sender from the first number of a day to that of the
// next is no more than it may send in a day, where its limit has not changed meanwhile
// and no message was under way without one.
//
// Not guaranteed: that a rate holds over a restart, which begins with a full bucket.
package quota

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Limits are what one sender may send. Zero is no limit.
type Limits struct {
	BytesPerDay uint64  // of new messages, deciphered, in a day by UTC
	Rate        float64 // new messages a second, over time; in one moment as many as in a second
}

// OverError means that a sender may not send this now.
type OverError struct {
	After  time.Duration // until the next try may succeed
	Reason string        // for people
}

func (e *OverError) Error() string { return e.Reason }

// TooLargeError means that a message is larger than its sender may send in a day.
type TooLargeError struct{ Size, Most uint64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d bytes, this sender may send %d in a day", e.Size, e.Most)
}

// Book is what is asked of a logbook.
type Book interface {
	Entries(ctx context.Context, from uint64, visit func(logfile.Entry) error) (next uint64, err error)
}

// Record keeps the day over restarts.
type Record interface {
	// QuotaDay returns the day kept last, zero if there is none.
	QuotaDay() (Day, error)
	// SetQuotaDay keeps a day, durably.
	SetQuotaDay(Day) error
}

// Quotas knows what senders have sent. Its methods may be called at once.
type Quotas struct {
	book   Book
	record Record
	now    func() time.Time
	// turning is held while the day begins and while its entries are read.
	turning sync.Mutex

	mu       sync.Mutex // never held for long: the committer waits for it
	day      Day        // changed with turning held, too
	saved    bool       // the record has the day
	counted  bool       // sums have all of the day
	from     uint64     // from this number on a message counts when it is kept
	sums     map[string]uint64
	reserved map[string]uint64
	underway map[key]*underway
	rates    map[string]*rate.Limiter
}

type key struct {
	sender string
	id     message.ID
}

// New returns the quotas of a logbook; now is the clock.
func New(book Book, record Record, now func() time.Time) *Quotas {
	return &Quotas{
		book: book, record: record, now: now, from: math.MaxUint64,
		sums: make(map[string]uint64), reserved: make(map[string]uint64),
		underway: make(map[key]*underway), rates: make(map[string]*rate.Limiter),
	}
}

// Admit holds a new message to its sender's limits, before its bytes are taken. It may
// wait for the sender's turn. The error is an *OverError, a *TooLargeError or a
// logbook.ErrUnavailable; else Settle or End must follow.
func (q *Quotas) Admit(ctx context.Context, d logbook.Draft, l Limits) (*Reservation, error) {
	if l.BytesPerDay > 0 && d.Size > l.BytesPerDay {
		return nil, &TooLargeError{d.Size, l.BytesPerDay}
	}
	if l.Rate > 0 {
		if err := q.pace(ctx, d.Sender, l.Rate); err != nil {
			return nil, err
		}
	}
	if l.BytesPerDay == 0 {
		return nil, nil
	}
	if err := q.count(ctx); err != nil {
		return nil, fmt.Errorf("%w: the bytes of the day: %w", logbook.ErrUnavailable, err)
	}
	return q.reserve(key{d.Sender, d.ID}, d.Size, l.BytesPerDay)
}

// Settle takes what became of a message that was given to the logbook: that which it
// keeps counts, also of senders without limits, since they may get some. r may be nil.
func (q *Quotas) Settle(r *Reservation, facts logbook.Facts, err error) {
	if err == nil && !facts.Repeat {
		q.kept(facts.Entry)
	}
	if err == nil || !errors.Is(err, logbook.ErrUnknown) { // else it may be kept yet
		r.End()
	}
}

func (q *Quotas) kept(e logfile.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u := q.underway[key{e.Sender, e.ID}]; u != nil {
		q.unreserve(e.Sender, u.size)
		u.size, u.kept = 0, true
	}
	if e.Seq >= q.from {
		q.sums[e.Sender] += e.Size
	}
}
