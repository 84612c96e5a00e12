package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// memory is a logbook's entries and a record.
type memory struct {
	mu      sync.Mutex
	entries []logfile.Entry
	reading func() // before entries are given
	day     Day
	broken  error
}

func (m *memory) Entries(_ context.Context, from uint64, visit func(logfile.Entry) error) (uint64, error) {
	if visit != nil && m.reading != nil {
		m.reading()
	}
	m.mu.Lock()
	entries := m.entries
	m.mu.Unlock()
	for i := from; i < uint64(len(entries)); i++ {
		if err := visit(entries[i]); err != nil {
			return 0, err
		}
	}
	return uint64(len(entries)), nil
}

func (m *memory) QuotaDay() (Day, error) { return m.day, nil }

func (m *memory) SetQuotaDay(d Day) error {
	if m.broken == nil {
		m.day = d
	}
	return m.broken
}

// keep has a message of a sender kept.
func (m *memory) keep(d logbook.Draft) logbook.Facts {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := logfile.Entry{Seq: uint64(len(m.entries)), Sender: d.Sender, ID: d.ID, Size: d.Size}
	m.entries = append(m.entries, e)
	return logbook.Facts{Entry: e}
}

func draft(size uint64) logbook.Draft {
	return logbook.Draft{ID: message.NewID(), Sender: "store-17", Size: size}
}

// send sends a message through all of it, and reports whether it was let in.
func (m *memory) send(t *testing.T, q *Quotas, size, most uint64) bool {
	t.Helper()
	d := draft(size)
	r, err := q.Admit(t.Context(), d, Limits{BytesPerDay: most})
	if errors.As(err, new(*OverError)) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	q.Settle(r, m.keep(d), nil)
	return true
}

func (m *memory) want(t *testing.T, q *Quotas, size, most uint64, want bool) {
	t.Helper()
	if got := m.send(t, q, size, most); got != want {
		t.Errorf("%d bytes of %d: let in %t, want %t", size, most, got, want)
	}
}

func at(now *time.Time) func() time.Time { return func() time.Time { return *now } }

// What a day has is what the logbook has from the day's first number on, whenever the
// server was started, and however it ended.
func TestDayOverRestarts(t *testing.T) {
	now, m := noon, new(memory)
	m.keep(draft(1000)) // before there were quotas
	m.want(t, New(m, m, at(&now)), 60, 100, true)
	m.keep(draft(30)) // kept, and the server died before it could count it
	q := New(m, m, at(&now))
	m.want(t, q, 11, 100, false)
	m.want(t, q, 10, 100, true)
	now = noon.Add(11 * time.Hour) // the same day
	m.want(t, New(m, m, at(&now)), 1, 100, false)
	now = noon.Add(12 * time.Hour) // the next
	m.want(t, q, 100, 100, true)
	m.want(t, New(m, m, at(&now)), 1, 100, false)
}

// A clock that goes back over midnight gives no other day, and one that was far ahead
// keeps nobody waiting for it.
func TestClockGoesBack(t *testing.T) {
	now, m := noon.Add(12*time.Hour), new(memory)
	q := New(m, m, at(&now))
	m.want(t, q, 100, 100, true)
	now = now.Add(-time.Second)
	m.want(t, q, 1, 100, false)
	m.want(t, New(m, m, at(&now)), 1, 100, false)
	now = now.Add(2 * time.Second)
	m.want(t, q, 1, 100, false)
	now = now.AddDate(0, 0, 100)
	m.want(t, q, 100, 100, true)
	now = now.AddDate(0, 0, -50)
	m.want(t, q, 100, 100, true)
}

// A record that speaks of numbers which the logbook has not is of another past of it.
func TestDayOfAnotherPast(t *testing.T) {
	now, m := noon, &memory{day: Day{DateOf(noon), 5}}
	m.want(t, New(m, m, at(&now)), 100, 100, true)
	m.want(t, New(m, m, at(&now)), 1, 100, false)
}

// Nobody is let in by a day that is not written down.
func TestDayIsWrittenDownFirst(t *testing.T) {
	now, m := noon, &memory{broken: errors.New("disk full")}
	q := New(m, m, at(&now))
	for range 2 {
		if _, err := q.Admit(t.Context(), draft(1), Limits{BytesPerDay: 2}); !errors.Is(err, logbook.ErrUnavailable) {
			t.Errorf("admitted: %v", err)
		}
	}
	m.broken = nil
	m.want(t, q, 2, 2, true)
	m.want(t, New(m, m, at(&now)), 1, 2, false)
}

// What is kept while the day's entries are read counts once.
func TestKeptWhileCounting(t *testing.T) {
	now, m := noon, &memory{day: Day{DateOf(noon), 0}}
	m.keep(draft(10))
	m.keep(draft(10))
	q := New(m, m, at(&now))
	m.reading = func() { q.Settle(nil, m.keep(draft(1)), nil) }
	m.want(t, q, 80, 100, false)
	m.want(t, q, 79, 100, true)
	m.reading = nil
	m.want(t, New(m, m, at(&now)), 1, 100, false)
}

// Many at once get no more than the limit together, and all of it.
func TestManyAtOnce(t *testing.T) {
	now, m := noon, new(memory)
	q := New(m, m, at(&now))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for m.send(t, q, 7, 7*200) {
			}
		})
	}
	group.Wait()
	if len(m.entries) != 200 {
		t.Errorf("%d messages are kept, want 200", len(m.entries))
	}
}

// Offers of one id share their bytes until the last has ended; the bytes of a message
// whose outcome is not known stay reserved.
func TestReservation(t *testing.T) {
	now, m := noon, new(memory)
	q, limits := New(m, m, at(&now)), Limits{BytesPerDay: 100}
	d := draft(80)
	admit := func(d logbook.Draft) *Reservation {
		r, err := q.Admit(t.Context(), d, limits)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, second := admit(d), admit(d)
	first.End()
	first.End()
	m.want(t, q, 21, 100, false)
	q.Settle(second, m.keep(d), nil)
	m.want(t, q, 21, 100, false)
	q.Settle(nil, logbook.Facts{Entry: logfile.Entry{Seq: 1, Sender: "store-17", Size: 80}, Repeat: true}, nil)
	again := admit(draft(20))
	q.Settle(again, logbook.Facts{}, fmt.Errorf("late: %w", logbook.ErrUnknown))
	m.want(t, q, 1, 100, false)
	if len(q.underway) != 1 || q.reserved["store-17"] != 20 {
		t.Errorf("%d under way, %d bytes", len(q.underway), q.reserved["store-17"])
	}
}

// A sender's connections share its rate: each waits for its turn, and is refused where
// that is far.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(nil, nil, time.Now)
		begun := time.Now()
		refused := 0
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				_, err := q.Admit(t.Context(), draft(1), Limits{Rate: 1})
				var over *OverError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.As(err, &over) && over.After > mostPause:
					refused++
				case err != nil:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(begun); refused != 4 || took != 5*time.Second {
			t.Errorf("%d refused within %v, want 4 in 5s", refused, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := q.Admit(ctx, draft(1), Limits{Rate: 1}); !errors.Is(err, logbook.ErrUnavailable) {
			t.Errorf("at the end of the server: %v", err)
		}
	})
}
