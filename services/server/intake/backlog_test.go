package intake

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// A peer that reads a little now and then has less and less time, until it has
// taken all. Time in which it could take nothing does not count.
func TestDrain(t *testing.T) {
	const s = time.Second
	now := time.Now()
	d := newDrain(Limits{Write: 30 * s, MinRate: 1 << 10}) // 4 KiB/s
	d.begin()
	for i, step := range []struct {
		n          int
		want, took time.Duration
	}{
		{64 << 10, 30 * s, 29 * s}, // any write has as long
		{64 << 10, 30 * s, 29 * s},
		{64 << 10, 30*s + 48*s - 58*s, 19 * s}, // 192 KiB at 4 KiB/s, and what one write may take
		{1, 30*s + 48*s - 77*s + s/4096, 2 * s},
		{1, 30*s + 48*s - 79*s + s/2048, 0}, // which is over
	} {
		now = now.Add(time.Hour) // for the server to make its answers
		got := d.deadline(now, step.n).Sub(now)
		if diff := got - step.want; diff.Abs() > time.Millisecond {
			t.Errorf("step %d: due after %v instead of %v", i, got, step.want)
		}
		d.wrote(step.n, step.took)
	}
	d.begin()
	if got := d.deadline(now, 1).Sub(now); got < 30*s || got > 30*s+s/4096 {
		t.Errorf("after all was taken the next write is due after %v", got)
	}
	fast := newDrain(Limits{Write: 30 * s, MinRate: 1<<64 - 1})
	fast.begin()
	if got := fast.deadline(now, 1<<30).Sub(now); got != 30*s {
		t.Errorf("at any rate a write is due after %v", got)
	}
}

// deaf are connections of one sender whose peers read nothing: each has one
// write under way.
func deaf(t *testing.T, o *backlog, sender string, n int) (all []*answers) {
	t.Helper()
	for range n {
		here, there := net.Pipe()
		t.Cleanup(func() { _, _ = here.Close(), there.Close() })
		a := newAnswers(here, Limits{Write: time.Hour, MinRate: 1, InFlight: 256})
		a.countWith(o.open(sender))
		a.answer(record("x"))
		if _, err := io.ReadFull(there, nil); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// Connections that take no answers hold so many for one sender, and so many for
// all; who takes theirs is not cut.
func TestBacklogIsBounded(t *testing.T) {
	for _, row := range []struct {
		name            string
		senders, each   int
		answers, atMost int
		cut             bool
	}{
		{"of one sender", 1, 60, 256, maxBacklogOfSender + 60*(fairBacklog+1), true},
		{"of all", 60, 2, 256, maxBacklog + 120*(fairBacklog+1), true},
		{"of many that take theirs", 1, 400, fairBacklog, 400 * fairBacklog, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := newBacklog()
			most, cut := int64(0), 0
			for i := range row.senders {
				for _, a := range deaf(t, o, fmt.Sprint(i), row.each) {
					for range row.answers - 1 {
						if a.failure() == nil {
							a.answer(record("x"))
						}
						most = max(most, o.all.Load())
					}
					if a.failure() == errNotTaken {
						cut++
						a.awaitWritten(t.Context())
					}
				}
			}
			t.Logf("%d answers were held at most, %d connections were cut", most, cut)
			if most > int64(row.atMost) || (cut > 0) != row.cut {
				t.Errorf("%d answers were held, %d connections were cut", most, cut)
			}
		})
	}
}

// What was held is given back when it is written, or cannot be.
func TestBacklogIsGivenBack(t *testing.T) {
	o := newBacklog()
	all := deaf(t, o, "a", 3)
	for _, a := range all {
		for range 10 * fairBacklog {
			a.answer(record("x"))
		}
		_ = a.conn.Close()
		a.awaitWritten(t.Context())
	}
	for _, a := range all {
		a.account.close()
	}
	if n := o.all.Load(); n != 0 || len(o.of) != 0 {
		t.Errorf("%d answers are counted, and %d senders", n, len(o.of))
	}
}

// One sender's connections with as many answers as each may have take none of
// what is left to others.
func TestBacklogLeavesOthers(t *testing.T) {
	o := newBacklog()
	for _, a := range deaf(t, o, "many", 1024) {
		for range fairBacklog - 1 {
			a.answer(record("x"))
		}
	}
	honest := deaf(t, o, "honest", 1)[0]
	for range 255 {
		honest.answer(record("x"))
	}
	if err := honest.failure(); err != nil {
		t.Error(err)
	}
}

// Where a sender has all that one may have, each connection still has its own few.
func TestBacklogOfEach(t *testing.T) {
	o := newBacklog()
	others := o.open("a")
	if !others.add(maxBacklogOfSender+1, fairBacklog+1) {
		t.Fatal("the sender has not all that one may have")
	}
	modest := deaf(t, o, "a", 1)[0]
	for range fairBacklog - 1 {
		modest.answer(record("x"))
	}
	if err := modest.failure(); err != nil {
		t.Error(err)
	}
}
