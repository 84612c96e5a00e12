package replicated

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/logfile"
)

// aged is a log whose entries are an hour old.
func aged(t *testing.T, servers ...string) *handLog {
	t.Helper()
	log := begun(t, servers...)
	log.set(func(l *handLog) {
		l.clock = time.Now().Add(-time.Hour)
		for i := range l.entries {
			l.entries[i].Time = l.clock
		}
	})
	return log
}

// lags waits until a logbook says that it has passed a log up to a position, and has not
// passed what is an hour old behind it.
func lags(t *testing.T, book *Logbook, position, lag uint64) {
	t.Helper()
	soon(t, "the server says how far it is behind", func() bool {
		f := book.LogFigures()
		return f.Position == position && f.Lag() == lag
	})
	f := book.LogFigures()
	if !f.Known || f.Behind < time.Hour-time.Minute || f.Behind > time.Hour+logbooktest.Patience {
		t.Errorf("%d entries behind for %v", f.Lag(), f.Behind)
	}
}

// caughtUp waits until a logbook has passed all.
func caughtUp(t *testing.T, book *Logbook, log *handLog) Figures {
	t.Helper()
	soon(t, "all is passed", func() bool { return book.LogFigures().Position == log.last() })
	f := book.LogFigures()
	if !f.Known || f.Lag() != 0 || f.Behind != 0 || f.Last != log.last() {
		t.Errorf("all is passed, and it says %+v", f)
	}
	return f
}

// watched is how the log as a whole is looked at all the time.
func watched(t *testing.T, log Log) Config {
	t.Helper()
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery, cfg.CheckEvery = time.Millisecond, time.Millisecond
	return cfg
}

func TestLogFigures(t *testing.T) {
	log := aged(t, "a", "b")
	log.most = 1 << 20
	putMessage(t, log, "one")
	putMessage(t, log, "two")
	book := ready(t, open(t, watched(t, log)))
	f := caughtUp(t, book, log)
	if _, b := f.Servers["b"]; !b || len(f.Servers) != 2 || f.MaxBytes != 1<<20 || len(f.Audit) > 0 || f.Waiting != 0 {
		t.Errorf("it says %+v", f)
	}
	join(t, log, "c")
	soon(t, "the new server counts", func() bool { return len(book.LogFigures().Servers) == 3 })
	log.set(func(l *handLog) {
		l.info = &stream.Info{First: 1, Last: 9, Entries: 9, Bytes: 5e5, Leader: "n1",
			Peers: []stream.Peer{{Name: "n2"}, {Name: "n3", Offline: true}}}
	})
	soon(t, "what the log says of itself", func() bool {
		f = book.LogFigures()
		return f.Bytes == 5e5 && f.MaxBytes == 0 && f.Nodes == 3 && f.Missing == 1 && f.Last == 9 && f.Lag() == 4
	})
}

// Who waits for an answer is counted.
func TestWaitingFigures(t *testing.T) {
	log := begun(t, "a")
	log.swallow = func([]byte) (lost, silent bool) { return true, true }
	book := ready(t, open(t, watched(t, log)))
	for range 2 {
		content := []byte("x")
		s, err := logbooktest.Stage(t.Context(), book, logbooktest.Draft("a", content), content)
		if err != nil {
			t.Fatal(err)
		}
		s.Commit(t.Context(), func(logbook.Facts, error) {})
	}
	if n := book.LogFigures().Waiting; n != 2 {
		t.Errorf("%d messages wait", n)
	}
	log.set(func(l *handLog) { l.swallow = nil })
	soon(t, "they are answered", func() bool { return book.LogFigures().Waiting == 0 })
}

// A server that cannot keep a message is behind from there on, though it reads on each time
// that it tries.
func TestLagInFrontOfTheVolume(t *testing.T) {
	log := aged(t, "a")
	putMessage(t, log, "one")
	cfg := watched(t, log)
	if err := open(t, cfg).Close(); err != nil { // the volume is there
		t.Fatal(err)
	}
	foreign := filepath.Join(cfg.Local.Dir, "logs", logfile.FileName(1))
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	putMessage(t, log, "two")
	putMessage(t, log, "three")
	book := open(t, cfg)
	lags(t, book, 3, 2)
	asked := func() (n int) { log.set(func(l *handLog) { n = l.asked }); return n }
	for last := asked() + 50; asked() < last; {
		if f := book.LogFigures(); f.Position > 3 || f.Lag() < 2 {
			t.Fatalf("it has passed %+v", f)
		}
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, book, log)
}

// What the volume was given and does not keep yet is not passed, however far was read.
func TestLagBehindTheVolume(t *testing.T) {
	now := time.Now()
	at := func(position uint64) fold.Entry {
		return fold.Entry{Position: position, Time: now.Add(time.Duration(position) * time.Second)}
	}
	given := newWindow(0)
	var p progress
	p.begins(fold.State{Position: 3, Time: now}, given)
	for position := uint64(4); position <= 6; position++ {
		p.tries(at(position))
		p.passes(at(position))
	}
	four, five := given.begin(4, at(4).Time), given.begin(5, at(5).Time)
	given.end(five, nil)
	if f := p.figures(now.Add(time.Minute)); f.Position != 3 || f.Lag() != 3 || f.Behind != 56*time.Second {
		t.Errorf("message 4 is with the volume: %+v", f)
	}
	given.end(four, nil)
	if f := p.figures(now.Add(time.Minute)); f.Position != 6 || f.Lag() != 0 || f.Behind != 0 {
		t.Errorf("the volume keeps all: %+v", f)
	}
	p.tries(at(7))
	p.passes(at(7))
	given.end(given.begin(7, at(7).Time), errors.New("the disk is gone"))
	if f := p.figures(now.Add(time.Minute)); f.Position != 6 || f.Lag() != 1 || f.Behind != 53*time.Second {
		t.Errorf("message 7 could not be kept: %+v", f)
	}
}

// An entry that cannot be had has no age yet, and the one before it has.
func TestLagInFrontOfTheLog(t *testing.T) {
	for _, gone := range []uint64{1, 4} {
		log := aged(t, "a")
		for range 3 {
			putMessage(t, log, "x")
		}
		log.forget(gone, true)
		book := open(t, watched(t, log))
		if gone == 1 {
			soon(t, "the server says how far it is behind", func() bool { return book.LogFigures().Lag() == 5 })
			if f := book.LogFigures(); f.Behind <= 0 || f.Behind > logbooktest.Patience {
				t.Errorf("nothing was read, for %v", f.Behind)
			}
		} else {
			lags(t, book, gone-1, 2)
		}
		log.forget(gone, false)
		caughtUp(t, book, log)
	}
}

// silentLog is one that answers nothing about itself.
type silentLog struct {
	*handLog
	silent atomic.Bool
}

func (l *silentLog) Info(ctx context.Context) (stream.Info, error) {
	if l.silent.Load() {
		return stream.Info{}, errSilent
	}
	return l.handLog.Info(ctx)
}

// While the log does not answer nobody knows whether there is more. What was known to be
// there is.
func TestLagOfASilentLog(t *testing.T) {
	log := &silentLog{handLog: aged(t, "a")}
	book := ready(t, open(t, watched(t, log)))
	caughtUp(t, book, log.handLog)
	log.silent.Store(true)
	unanswered := func() bool { return slices.Equal(book.LogFigures().Audit, []Finding{Unanswered}) }
	soon(t, "the log does not answer", unanswered)
	if f := book.LogFigures(); f.Known || f.Lag() != 0 {
		t.Errorf("it says %+v", f)
	}
	log.silent.Store(false)
	soon(t, "the log answers", func() bool { return book.LogFigures().Known })
	log.forget(3, true)
	putMessage(t, log.handLog, "x")
	lags(t, book, 2, 1)
	log.silent.Store(true)
	soon(t, "the log does not answer", unanswered)
	lags(t, book, 2, 1)
}

// What was tried is known to be there, also where the log has not said so, and a lag does not
// begin anew with each try.
func TestLagOfOneTryAndTheNext(t *testing.T) {
	p, later := new(progress), time.Now().Add(time.Hour)
	p.begins(fold.State{}, new(window))
	p.asked(stream.Info{First: 1, Last: 1, Entries: 1}, nil)
	before := p.figures(later)
	p.begins(fold.State{}, new(window))
	if f := p.figures(later); f.Lag() != 1 || f.Behind != before.Behind {
		t.Errorf("behind for %v, and before for %v", f.Behind, before.Behind)
	}
	came := later.Add(-time.Minute)
	p.passes(fold.Entry{Position: 1, Time: came.Add(-time.Minute)})
	p.tries(fold.Entry{Position: 2, Time: came})
	p.passes(fold.Entry{Position: 2, Time: came})
	p.begins(fold.State{Position: 1, Time: came.Add(-time.Minute)}, new(window))
	if f := p.figures(later); f.Lag() != 1 || f.Behind != time.Minute {
		t.Errorf("behind by %d entries for %v", f.Lag(), f.Behind)
	}
}

// Clocks differ: nothing is younger than new.
func TestLagByOtherClocks(t *testing.T) {
	now, p := time.Now(), new(progress)
	p.begins(fold.State{Position: 1, Time: now.Add(time.Hour)}, new(window))
	p.asked(stream.Info{First: 1, Last: 2, Entries: 2}, nil)
	if f := p.figures(now); f.Lag() != 1 || f.Behind != 0 {
		t.Errorf("behind by %d entries for %v", f.Lag(), f.Behind)
	}
}

// All that may be wrong is found, each by itself, and nothing where nothing is wrong.
func TestFindings(t *testing.T) {
	wrong := errors.New("wrong")
	for want, h := range map[Finding]*health{
		"":         {},
		Disputed:   {forked: &fold.ForkError{Ours: true}},
		Minority:   {forked: &fold.ForkError{}},
		Damaged:    {damage: wrong},
		Unfit:      {unfit: wrong},
		Uncounted:  {strange: true},
		Unanswered: {unfit: errUnchecked},
	} {
		l := &Logbook{health: h, waiters: newWaiters(nil)}
		l.progress.begins(fold.State{}, new(window))
		l.progress.asked(stream.Info{}, nil)
		got := l.LogFigures().Audit
		if want == "" && len(got) > 0 || want != "" && !slices.Equal(got, []Finding{want}) {
			t.Errorf("%q: found %q", want, got)
		}
	}
}

// A real log says who keeps it, and who is missing.
func TestFiguresOnNATS(t *testing.T) {
	nodes := natstest.Start(t, natstest.Options{})
	connect := streamLog(t, nodes, "SEALPOST", "a", "b")
	cfg := testConfig(t.TempDir(), "a", connect())
	cfg.AuditEvery, cfg.NoteEvery = 50*time.Millisecond, 50*time.Millisecond
	var heard heard
	cfg.Watch = heard.watch()
	book := ready(t, open(t, cfg))
	for i := range 5 {
		content := []byte{byte(i)}
		if err := keep(t, book, logbooktest.Draft("a", content), content); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "all is well", func() bool {
		f := book.LogFigures()
		return f.Position >= 7 && f.Known && f.Nodes == 3 && f.Missing == 0 && len(f.Audit) == 0 && f.Bytes > 0 &&
			f.MaxBytes == 256<<20 && f.Servers["a"].Durable >= 7
	})
	if heard.acknowledged.Load() < 5 || heard.answered.Load() != 5 {
		t.Errorf("heard %+v", &heard)
	}
	leader := nodes.Leader("SEALPOST")
	i := slices.IndexFunc(nodes.Nodes, func(n *natstest.Node) bool { return n != leader })
	nodes.Nodes[i].Kill()
	soon(t, "a node is missing", func() bool { f := book.LogFigures(); return f.Missing == 1 && f.Nodes == 3 })
}
