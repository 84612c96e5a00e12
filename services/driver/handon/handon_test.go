package handon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/hook"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// receiver is a hook of the test's. The test looks at it once all is over, or from
// within take.
type receiver struct {
	take func(ctx context.Context, number uint64) error // nil: takes all
	got  []uint64                                       // every attempt
	text []string                                       // of those
	file bool                                           // wants a file of the message
}

var errRefused = errors.New("no room")

func (r *receiver) NeedsFile() bool { return r.file }

func (r *receiver) Hand(ctx context.Context, m hook.Message) error {
	text, err := io.ReadAll(m.Body)
	if err == nil && m.Path != "" {
		text, err = os.ReadFile(m.Path)
	}
	if err != nil {
		return err
	}
	r.got, r.text = append(r.got, m.Entry.Seq), append(r.text, string(text))
	if r.take == nil {
		return nil
	}
	return r.take(ctx, m.Entry.Seq)
}

// refuse refuses these numbers.
func refuse(which ...uint64) func(context.Context, uint64) error {
	return func(_ context.Context, number uint64) error {
		if slices.Contains(which, number) {
			return &hook.FailedError{Hook: "test", Cause: errRefused}
		}
		return nil
	}
}

// clock is one that goes as far as is waited.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pauses []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pause(_ context.Context, _ <-chan struct{}, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.pauses = c.now.Add(d), append(c.pauses, d)
}

// place is a volume, and where it is collected to and handed on from.
type place struct {
	t    *testing.T
	v    *drivertest.Volume
	addr string
	cfg  handon.Config
	to   *receiver
	*clock
	log bytes.Buffer
}

func newPlace(t *testing.T, messages int) *place {
	t.Helper()
	p := &place{t: t, v: drivertest.NewVolume(t), to: &receiver{}, clock: newClock()}
	for i := range messages {
		p.v.Add("a.txt", []byte(strings.Repeat("x", i)))
	}
	p.addr = drivertest.Serve(t, p.v.Dir, nil)
	p.cfg = handon.Config{
		Dir: t.TempDir(), Hook: p.to, GiveUp: time.Hour, Attempts: 4, Log: zerolog.New(zerolog.SyncWriter(&p.log)),
		Now: p.Now, Pause: p.pause,
	}
	return p
}

// run collects and hands on, and returns what is said at the end.
func (p *place) run() []error {
	p.t.Helper()
	return p.runIn(p.t.Context())
}

func (p *place) runIn(ctx context.Context) []error {
	p.t.Helper()
	p.to.got, p.to.text, p.pauses = nil, nil, nil
	h := handon.Start(ctx, p.cfg)
	p.collect(h.Kept)
	return h.Finish()
}

// collect is the collector's part. Files that are missing are no failure here.
func (p *place) collect(kept func(uint64, int64)) {
	p.t.Helper()
	result, err := collector.Collect(context.Background(), collector.Config{
		Addr: p.addr, User: drivertest.User, Password: drivertest.Password, Dir: p.cfg.Dir,
		Backoff: time.Nanosecond, Log: zerolog.Nop(), Kept: kept,
	})
	for _, failure := range result.Failures {
		if !errors.Is(failure, collector.ErrMissing) {
			err = errors.Join(err, failure)
		}
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) green(errs []error) {
	p.t.Helper()
	if len(errs) > 0 {
		p.t.Fatal(errors.Join(errs...))
	}
}

// only returns the one error, which must be of that type.
func only[E error](p *place, errs []error) E {
	p.t.Helper()
	var e E
	if len(errs) != 1 || !errors.As(errs[0], &e) {
		p.t.Fatalf("%v, want a %T", errs, e)
	}
	return e
}

// got compares the attempts.
func (p *place) got(want ...uint64) {
	p.t.Helper()
	if !slices.Equal(p.to.got, want) {
		p.t.Errorf("handed on %v, want %v", p.to.got, want)
	}
}

// holds compares a file in the output directory; "" is one that is not there.
func (p *place) holds(name, want string) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.cfg.Dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	if string(text) != want {
		p.t.Errorf("%s holds %q, want %q", name, text, want)
	}
}

// takeAway takes log files out of the output directory.
func (p *place) takeAway(which ...uint64) {
	p.t.Helper()
	for _, number := range which {
		if err := os.Remove(filepath.Join(p.cfg.Dir, logfile.FileName(number))); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestInOrder: each message once, with its bytes, and what is new in the next run.
func TestInOrder(t *testing.T) {
	for _, file := range []bool{false, true} {
		p := newPlace(t, 4)
		p.to.file = file
		p.green(p.run())
		p.got(0, 1, 2, 3)
		if want := []string{"", "x", "xx", "xxx"}; !slices.Equal(p.to.text, want) {
			t.Errorf("messages %q", p.to.text)
		}
		p.holds("handed", "4\n")
		p.green(p.run())
		p.got()
		p.v.AddEnciphered("b", []byte("deciphered"), "secret")
		p.green(p.run())
		p.got(4)
		if p.to.text[0] != "deciphered" {
			t.Errorf("message %q", p.to.text[0])
		}
		if left, err := filepath.Glob(filepath.Join(p.cfg.Dir, ".*.message")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

// TestCollectingDoesNotWait: the hook takes the first message only after all were
// collected and lines of a later run are there, too.
func TestCollectingDoesNotWait(t *testing.T) {
	p := newPlace(t, 3)
	collected := make(chan struct{})
	p.to.take = func(context.Context, uint64) error { <-collected; return nil }
	h := handon.Start(t.Context(), p.cfg)
	p.collect(h.Kept)
	p.v.Add("later", nil)
	p.collect(h.Kept)
	close(collected)
	p.green(h.Finish())
	p.got(0, 1, 2, 3)
}

// TestFailsOnce: it is tried again before any other.
func TestFailsOnce(t *testing.T) {
	p := newPlace(t, 3)
	failed := false
	p.to.take = func(_ context.Context, number uint64) error {
		if number == 1 && !failed {
			failed = true
			p.holds("handed", "1\n")
			return errRefused
		}
		return nil
	}
	p.green(p.run())
	p.got(0, 1, 1, 2)
	p.holds("handed", "3\n")
}

// TestStopsAtAFailure: after a few attempts at growing pauses the run ends, and the
// next ones go on there, until the time to give up is over, across runs.
func TestStopsAtAFailure(t *testing.T) {
	p := newPlace(t, 3)
	p.to.take = refuse(1)
	stopped := only[*handon.StoppedError](p, p.run())
	p.got(0, 1, 1, 1, 1)
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(p.pauses, want) {
		t.Errorf("pauses %v", p.pauses)
	}
	if stopped.Number != 1 || !errors.Is(stopped, errRefused) || stopped.Error() !=
		"message 1: not handed on, and none after it: failing since 2026-11-27T12:00:00Z: test: no room" {
		t.Errorf("%v", stopped)
	}
	p.holds("handed", "1\n1 failing since 2026-11-27T12:00:00Z\n")
	p.clock.now = p.clock.now.Add(40 * time.Minute)
	only[*handon.StoppedError](p, p.run())
	p.got(1, 1, 1, 1)

	p.clock.now = p.clock.now.Add(40 * time.Minute)
	owed := only[*handon.OwedError](p, p.run())
	p.got(1, 2)
	if owed.Numbers.String() != "1" || owed.Error() != "message 1: owed, and not handed on: test: no room" {
		t.Errorf("%v", owed)
	}
	p.holds("owed", "1\n")
	p.holds("handed", "3\n")

	p.v.Add("d", nil)
	only[*handon.OwedError](p, p.run())
	p.got(3, 1) // after the others, once
	p.to.take = nil
	p.green(p.run())
	p.got(1)
	p.holds("owed", "")
	p.green(p.run())
	p.got()
}

// TestFailsForEver with no time to give up: it is never passed over but by Forget.
func TestFailsForEver(t *testing.T) {
	p := newPlace(t, 3)
	p.cfg.GiveUp = 0
	p.to.take = refuse(1)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(10000 * time.Hour)
	only[*handon.StoppedError](p, p.run())
	p.got(1, 1, 1, 1)
	forget := func(which, want string) {
		t.Helper()
		set, err := numbers.Parse(which)
		if err != nil {
			t.Fatal(err)
		}
		forgotten, err := handon.Forget(p.cfg.Dir, set)
		if err != nil || forgotten.String() != want {
			t.Errorf("forgot %q, %v", forgotten, err)
		}
	}
	forget("0,2", "")
	forget("0-2", "1")
	forget("0-2", "")
	p.green(p.run())
	p.got(2)
}

// TestWithoutAnEnd: a driver that follows tries for an hour, gives up, goes on, and
// tries what is owed from time to time.
func TestWithoutAnEnd(t *testing.T) {
	p := newPlace(t, 3)
	p.cfg.Attempts, p.cfg.OwedEvery = 0, time.Millisecond
	recovered := make(chan struct{})
	p.to.take = func(_ context.Context, number uint64) error {
		switch at := len(p.to.got); {
		case number != 0:
			return nil
		case at < 70:
			return errRefused
		case at == 70:
			close(recovered)
		}
		return nil
	}
	h := handon.Start(t.Context(), p.cfg)
	p.collect(h.Kept)
	<-recovered
	p.green(h.Finish())
	given := slices.Index(p.to.got, 1)
	if !slices.Equal(p.to.got[given:given+2], []uint64{1, 2}) || given < 60 || given > 66 || len(p.to.got) != 70 {
		t.Errorf("given up after %d attempts: %v", given, p.to.got)
	}
	p.holds("owed", "")
}

// TestClockSetBack: the time of the first failure is not in the future.
func TestClockSetBack(t *testing.T) {
	p := newPlace(t, 1)
	p.to.take = refuse(0)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(-1000 * time.Hour)
	only[*handon.StoppedError](p, p.run())
	p.clock.now = p.clock.now.Add(2 * time.Hour)
	only[*handon.OwedError](p, p.run())
}

// TestAsksToWait: what a hook asks for is waited for, but not for long where the run
// has an end.
func TestAsksToWait(t *testing.T) {
	p := newPlace(t, 1)
	after := 30 * time.Second
	p.to.take = func(context.Context, uint64) error {
		if len(p.to.got) > 1 {
			return nil
		}
		return &hook.FailedError{Hook: "test", After: after, Cause: errRefused}
	}
	p.green(p.run())
	if !slices.Equal(p.pauses, []time.Duration{after}) {
		t.Errorf("pauses %v", p.pauses)
	}
	p.v.Add("b", nil)
	after = 3 * time.Minute
	only[*handon.StoppedError](p, p.run())
	p.got(1)
	p.cfg.Attempts, after = 0, 100*time.Hour
	p.green(p.run())
	if !slices.Equal(p.pauses, []time.Duration{10 * time.Minute}) {
		t.Errorf("pauses %v", p.pauses)
	}
}

// TestTakenAway: who took a file away has dealt with it; the log says so once.
func TestTakenAway(t *testing.T) {
	p := newPlace(t, 6)
	p.collect(nil)
	p.takeAway(0, 1, 2, 4)
	p.green(p.run())
	p.got(3, 5)
	if n := strings.Count(p.log.String(), "passed over"); n != 2 || !strings.Contains(p.log.String(), `"messages":3`) {
		t.Errorf("%d lines:\n%s", n, p.log.String())
	}
	p.holds("handed", "6\n")
}

// TestComesLate: a file that was missing holds nothing up, is handed on when it comes,
// and stays owed until then.
func TestComesLate(t *testing.T) {
	p := newPlace(t, 4)
	file := p.v.Entries[1].File
	text := p.v.Read(file)
	p.v.Remove(file)
	p.green(p.run())
	p.got(0, 2, 3)
	p.holds("owed", "1\n")
	p.green(p.run())
	p.got()
	p.v.Write(file, text)
	p.to.take = refuse(1)
	only[*handon.OwedError](p, p.run())
	p.got(1)
	p.holds("owed", "1\n")
	p.to.take = nil
	p.green(p.run())
	p.got(1)
	p.holds("owed", "")
	p.green(p.run())
	p.got()
}

// TestAgain: what is fetched once more is handed on once more.
func TestAgain(t *testing.T) {
	p := newPlace(t, 3)
	p.green(p.run())
	p.takeAway(1)
	var again numbers.Set
	again.Add(numbers.Range{First: 1, Last: 2})
	if err := collector.Again(p.cfg.Dir, again); err != nil {
		t.Fatal(err)
	}
	p.green(p.run())
	p.got(1, 2)
	p.holds("owed", "")
}
