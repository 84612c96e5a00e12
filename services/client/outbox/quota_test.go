package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/server/state"
)

func overUntil(until time.Time) *courier.PostponedError {
	return &courier.PostponedError{Reason: "enough for now", Until: until}
}

// What is as large as a message that was refused, or larger, waits; another message
// that is smaller, and refused, has it wait for that one's time.
func TestOverQuota(t *testing.T) {
	hour := time.Now().Add(time.Hour)
	q := new(overQuota)
	holds := func(size uint64, want error) {
		t.Helper()
		if got := q.holds(size); want == nil && got != nil || want != nil && got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
	holds(1, nil)
	q.note(1, nil)
	q.note(1, &courier.PostponedError{Reason: "no room"})
	q.note(1, errors.New("lost"))
	holds(1, nil)
	first, smaller := overUntil(hour), overUntil(hour.Add(time.Hour))
	q.note(10, first)
	q.note(11, overUntil(hour.Add(3*time.Hour))) // it was under way
	holds(9, nil)
	holds(10, first)
	holds(12, first)
	q.note(5, smaller)
	holds(4, nil)
	holds(5, smaller)
	holds(10, smaller)
	q.note(0, overUntil(time.Now()))
	holds(10, nil)
	q.note(20, first)
	holds(10, nil)
	holds(20, first)
}

// What the quota holds back is not claimed: a client of another sender may have it. What
// was claimed before is not offered. A run that would wait in vain ends at once, and says how much is left.
func TestHeldFilesStay(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"small": "12345", "as large": "1234567890", "larger": "12345678901"})
	b.abandon("claimed", "1234567890", nil)
	cfg := b.config()
	cfg.Timeout = time.Minute
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name != "small" {
			t.Errorf("%q was offered", m.Name)
		}
		return b.ledger.deliver(ctx, m)
	}
	o, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	said := overUntil(time.Now().Add(time.Hour))
	o.over.note(10, said)
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	o.stop = stop
	err = o.loop(ctx, ctx)
	o.inFlight.Wait()
	if left := o.later.left(); len(left) != 1 || left[0].Name != "claimed" {
		t.Errorf("left %+v", left)
	}
	if out := o.outcome; err != nil || out.Sent != 1 || out.Held != 2 || out.HeldBy != error(said) {
		t.Errorf("outcome %+v, error %v", out, err)
	}
	for _, name := range []string{"as large", "larger"} {
		if _, err := os.Stat(filepath.Join(b.dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// A message is not offered again before its time, and goes then.
func TestOverQuotaWaitsForItsTime(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	cfg := b.config()
	cfg.retry, cfg.poll = time.Millisecond, time.Millisecond
	var until atomic.Pointer[time.Time]
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		now := time.Now()
		if due := until.Load(); due != nil {
			if now.Before(*due) {
				t.Errorf("offered again %v too soon", due.Sub(now))
			}
			return b.ledger.deliver(ctx, m)
		}
		due := now.Add(300 * time.Millisecond)
		until.Store(&due)
		return courier.Delivery{}, overUntil(due)
	}
	if out := b.run(cfg); out.Sent != 1 || len(out.Left) != 0 {
		t.Errorf("outcome %+v", out)
	}
}

// A real server's quota ends a run at once where its time is far.
func TestOverQuotaOfAServer(t *testing.T) {
	s, b := newServer(t), newBench(t)
	st, err := state.Open(filepath.Join(s.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rate := 0.0001
	if _, err := st.SetLimits("store-17", state.LimitsChange{Rate: &rate}); err != nil {
		t.Fatal(err)
	}
	s.start(smallRoom)
	b.put(map[string]string{"a": "1", "b": "2", "c": "3"})
	cfg := s.config(b, s.addr)
	cfg.Timeout = time.Hour
	out := b.run(cfg)
	if out.Sent != 1 || len(out.Left)+out.Held != 2 {
		t.Fatalf("outcome %+v", out)
	}
	for _, left := range out.Left {
		var postponed *courier.PostponedError
		if !errors.As(left.Err, &postponed) || postponed.Until.IsZero() ||
			!strings.Contains(left.Err.Error(), "0.0001 messages a second may be sent (over quota), to be tried again at ") {
			t.Errorf("left %+v", left)
		}
	}
}
