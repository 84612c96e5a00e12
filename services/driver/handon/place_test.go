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
