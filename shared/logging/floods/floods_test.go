package floods_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/logging/floods"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sum is a line that sums up.
type sum struct {
	Level, Message, Kind, Reason, Address, Others string
	Count                                         uint64
}

func sums(t *testing.T, text string) (all []sum) {
	t.Helper()
	for line := range strings.Lines(text) {
		var s sum
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func refused(who string) floods.Event {
	return floods.Event{Level: zerolog.WarnLevel, What: "refused", Reason: "name", By: "address", Who: who}
}

// passes counts how many of n events pass.
func passes(s *floods.Sums, e floods.Event, n int) (passed int) {
	for range n {
		if s.Pass(e) {
			passed++
		}
	}
	return passed
}

// The first ones of each period pass; the others are one line with their number.
func TestSummedUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &clock{}
	s := floods.New(zerolog.New(&out), c.Now)
	if n := passes(s, refused("a"), 1000); n != floods.Shown {
		t.Errorf("%d passed", n)
	}
	if n := passes(s, refused("b"), 3); n != 3 {
		t.Errorf("%d of another source passed", n)
	}
	c.move(floods.Period)
	if n := passes(s, refused("a"), 20); n != floods.Shown {
		t.Errorf("%d passed in the second period", n)
	}
	c.move(30 * time.Second)
	s.Flush()
	s.Flush() // tells nothing twice
	want := []sum{
		{Level: "warn", Message: "... and 990 more in 60 s", Kind: "refused", Reason: "name", Address: "a", Count: 990},
		{Level: "warn", Message: "... and 10 more in 30 s", Kind: "refused", Reason: "name", Address: "a", Count: 10},
	}
	if got := sums(t, out.String()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log says\n%v\ninstead of\n%v", got, want)
	}
}

// However many sources there are, so many are remembered, and all are counted.
func TestManySources(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := floods.New(zerolog.New(&out), (&clock{}).Now)
	const sources, each = 20_000, 3
	passed := 0
	for i := range sources {
		passed += passes(s, refused(fmt.Sprint(i)), each)
	}
	if most := floods.MaxSources*each + floods.Shown; passed > most {
		t.Errorf("%d lines passed, more than %d", passed, most)
	}
	s.Flush()
	got := sums(t, out.String())
	if len(got) != 1 || got[0].Others != floods.Others || passed+int(got[0].Count) != sources*each {
		t.Errorf("%d passed, and then %v", passed, got)
	}
	t.Logf("%d sources: %d lines pass, %d remembered", sources, passed, floods.MaxSources)
}

// Also from many goroutines each event either passes or is in a sum.
func TestNoneIsLost(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &clock{}
	s := floods.New(zerolog.New(zerolog.SyncWriter(&out)), c.Now)
	const goroutines, each = 8, 1000
	passed := make([]int, goroutines)
	var g sync.WaitGroup
	for i := range goroutines {
		g.Go(func() {
			for range each {
				passed[i] += passes(s, refused("a"), 1)
				c.move(floods.Period / 500)
			}
		})
	}
	g.Wait()
	s.Flush()
	all := 0
	for _, n := range passed {
		all += n
	}
	for _, sum := range sums(t, out.String()) {
		all += int(sum.Count)
	}
	if all != goroutines*each {
		t.Errorf("%d of %d events are told of", all, goroutines*each)
	}
}

// Run ends with its context.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	floods.New(zerolog.Nop(), time.Now).Run(ctx)
}
