package quota

import (
	"context"
	"maps"
	"math"
	"time"

	"sealpost/shared/logfile"
)

// Day is a day of the logbook.
type Day struct {
	Date  time.Time // midnight, UTC
	First uint64    // the number of its first message
}

// DateOf returns the midnight before a time, in UTC.
func DateOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// covers reports whether the day goes on at a date: a clock that goes back over one
// midnight gives nobody another day. One that was further ahead was wrong.
func (d Day) covers(date time.Time) bool {
	return d.Date.Equal(date) || d.Date.Equal(date.AddDate(0, 0, 1))
}

// lookEvery is how late a day may begin that no sender with a limit has begun.
const lookEvery = 500 * time.Millisecond

// Run has days begin until ctx ends, whoever sends.
func (q *Quotas) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if !q.is(func() bool { return q.saved }) {
			q.turning.Lock()
			_ = q.turn(ctx) // who needs the day hears of the error
			q.turning.Unlock()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// is reports whether the day is today's, and holds says so with mu held. It waits for no
// day that begins.
func (q *Quotas) is(holds func() bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.day.covers(DateOf(q.now())) && holds()
}

// turn begins the day, if it has come. turning is held.
func (q *Quotas) turn(ctx context.Context) error {
	if q.day == (Day{}) {
		if err := q.load(ctx); err != nil {
			return err
		}
	}
	if !q.day.covers(DateOf(q.now())) {
		if err := q.begin(ctx); err != nil {
			return err
		}
	}
	if q.is(func() bool { return q.saved }) {
		return nil
	}
	if err := q.record.SetQuotaDay(q.day); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.saved = true
	return nil
}

// load takes the day of the last server, unless it is of another past of the logbook.
func (q *Quotas) load(ctx context.Context) error {
	day, err := q.record.QuotaDay()
	if err != nil {
		return err
	}
	next, err := q.book.Entries(ctx, math.MaxUint64, nil)
	if err != nil || day.First > next {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.day, q.saved = day, true
	return nil
}

// begin lets the day begin with the next message. With mu held none is counted
// meanwhile: its line is in the logbook before it is.
func (q *Quotas) begin(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	next, err := q.book.Entries(ctx, math.MaxUint64, nil)
	if err != nil {
		return err
	}
	q.day = Day{DateOf(q.now()), next}
	q.from, q.counted, q.saved = next, true, false
	clear(q.sums)
	return nil
}

// count makes sure that the sums are those of today. After a restart it reads the
// entries of the day once; what is kept meanwhile counts by itself.
func (q *Quotas) count(ctx context.Context) error {
	if q.isCounted() {
		return nil
	}
	q.turning.Lock()
	defer q.turning.Unlock()
	if err := q.turn(ctx); err != nil {
		return err
	}
	if q.isCounted() {
		return nil
	}
	next, err := q.countFrom(ctx)
	if err != nil {
		return err
	}
	sums := make(map[string]uint64)
	_, err = q.book.Entries(ctx, q.day.First, func(e logfile.Entry) error {
		if e.Seq < next {
			sums[e.Sender] += e.Size
		}
		return nil
	})
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for sender, bytes := range maps.All(sums) {
		q.sums[sender] += bytes
	}
	q.counted = true
	return nil
}

// isCounted is asked with every message of a sender with a limit. Nobody is let in by a
// day that the record has not.
func (q *Quotas) isCounted() bool { return q.is(func() bool { return q.saved && q.counted }) }

// countFrom has messages count that are kept from now on, and returns the number of
// the first of them.
func (q *Quotas) countFrom(ctx context.Context) (next uint64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	next, err = q.book.Entries(ctx, math.MaxUint64, nil)
	if err == nil {
		clear(q.sums)
		q.from = next
	}
	return next, err
}
