package volumes

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

const patience = 20 * time.Second

// kept opens the volumes and keeps messages. Without a Log in cfg nothing is logged.
func kept(t *testing.T, messages int, cfg local.Config) (data string, st *state.State, closeAll func()) {
	t.Helper()
	root := durabletest.MemoryDir(t)
	check(t, os.MkdirAll(filepath.Join(root, "data"), 0o755))
	st, err := state.Open(filepath.Join(root, "state"))
	check(t, err)
	t.Cleanup(func() { _ = st.Close() })
	cfg.Dir = filepath.Join(root, "data")
	opener := NewOpener(cfg, st)
	book, err := opener.Open()
	check(t, err)
	for range messages {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	closed := false
	closeAll = func() {
		if !closed {
			closed = true
			check(t, book.Close())
			opener.Close()
		}
	}
	t.Cleanup(closeAll)
	return cfg.Dir, st, closeAll
}

func there(t *testing.T, data string, number uint64) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(data, "logs", logfile.FileName(number)))
	return err == nil
}

func order(first, last uint64) state.RetireOrder {
	return state.RetireOrder{Range: &numbers.Range{First: first, Last: last}}
}

// TestRetireOrder: a command has messages retired with a running server and without one.
func TestRetireOrder(t *testing.T) {
	for _, running := range []bool{true, false} {
		data, st, stop := kept(t, 4, local.Config{})
		if !running {
			stop()
		}
		command, err := state.Open(filepath.Join(filepath.Dir(data), "state"))
		check(t, err)
		done, err := Retire(t.Context(), data, command, order(0, 1), false)
		check(t, err)
		if done.Numbers.String() != "0-1" || done.Bytes == 0 || there(t, data, 0) || there(t, data, 1) || !there(t, data, 2) {
			t.Errorf("running %v: %+v", running, done)
		}
		var notKept *local.NotKeptError
		if _, err = Retire(t.Context(), data, command, order(3, 4), false); !errors.As(err, &notKept) || notKept.Next != 4 {
			t.Errorf("running %v, of a number that is not given: %v", running, err)
		}
		if !there(t, data, 3) {
			t.Error("a part of a refused order was carried out")
		}
		before := state.RetireOrder{Before: time.Now().Add(time.Hour)}
		if done, err = Retire(t.Context(), data, command, before, false); err != nil || done.Numbers.String() != "2-3" {
			t.Errorf("running %v, before a time: %+v, %v", running, done, err)
		}
		if serial, err := st.RetiredSerial(); serial != 2 || err != nil {
			t.Errorf("running %v: the state knows serial %d, %v", running, serial, err)
		}
		check(t, command.Close())
		stop()
		found, err := Verify(data, st, func(d local.Difference) { t.Error(d) })
		if err != nil || found != (local.Verified{Checked: 4, Retired: 4}) {
			t.Errorf("running %v: %+v, %v", running, found, err)
		}
	}
}

// TestOrderOfTheDead: what a command was killed over is not carried out later.
func TestOrderOfTheDead(t *testing.T) {
	data, st, _ := kept(t, 1, local.Config{})
	check(t, os.WriteFile(filepath.Join(filepath.Dir(data), "state", "order"),
		[]byte(`{"id":"x","range":{"First":0,"Last":0}}`), 0o600))
	soon(t, func() bool {
		_, err := os.Lstat(filepath.Join(filepath.Dir(data), "state", "order"))
		return errors.Is(err, os.ErrNotExist)
	})
	if _, given, err := st.TakeRetireOrder(); given || err != nil || !there(t, data, 0) {
		t.Errorf("given %v, %v, the file is there: %v", given, err, there(t, data, 0))
	}
}

// TestOrderNotTaken: a server that has the volume and cannot open the logbook takes no
// orders, and one that was not taken is not carried out later.
func TestOrderNotTaken(t *testing.T) {
	data, st, stop := kept(t, 1, local.Config{})
	stop()
	lock, err := local.Lock(data)
	check(t, err)
	defer lock.Close()
	for _, interrupted := range []bool{false, true} {
		orders, err := st.Orders()
		check(t, err)
		e := &errand{dir: data, st: st, orders: orders, order: order(0, 0)}
		ctx, want := t.Context(), ErrNotTaken
		if interrupted {
			e.patience, want = patience, context.Canceled
			ended, end := context.WithCancel(ctx)
			end()
			ctx = ended
		}
		if _, err := e.run(ctx); !errors.Is(err, want) || errors.Is(err, ErrUnanswered) {
			t.Errorf("interrupted %v: %v", interrupted, err)
		}
		if _, given, err := st.TakeRetireOrder(); given || err != nil {
			t.Errorf("interrupted %v: it is still given: %v, %v", interrupted, given, err)
		}
		check(t, orders.Close())
	}
	orders, err := st.Orders()
	check(t, err)
	defer orders.Close()
	e := &errand{dir: data, st: st, orders: orders, order: order(0, 0), given: time.Now()}
	check(t, orders.Give(e.order))
	if _, given, err := st.TakeRetireOrder(); !given || err != nil {
		t.Fatalf("given %v, %v", given, err)
	}
	if err := e.abandon(context.Canceled); !errors.Is(err, ErrUnanswered) {
		t.Errorf("interrupted over one that was taken: %v", err)
	}
}

// TestOrderWithoutAServer: what only a server may do is not done here, also where one has
// ended since.
func TestOrderWithoutAServer(t *testing.T) {
	data, st, stop := kept(t, 1, local.Config{})
	stop()
	if _, err := Retire(t.Context(), data, st, order(0, 0), true); !errors.Is(err, ErrNotRunning) || !there(t, data, 0) {
		t.Errorf("got %v, the file is there: %v", err, there(t, data, 0))
	}
	orders, err := st.Orders()
	check(t, err)
	defer orders.Close()
	e := &errand{dir: data, st: st, orders: orders, order: order(0, 0), onlyServer: true, given: time.Now(), looks: -1}
	check(t, orders.Give(e.order))
	if _, err := e.run(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("it was given: %v", err)
	}
	e.looks = -1
	check(t, orders.Give(e.order))
	if _, given, err := st.TakeRetireOrder(); !given || err != nil {
		t.Fatalf("given %v, %v", given, err)
	}
	if _, err := e.run(t.Context()); !errors.Is(err, ErrUnanswered) {
		t.Errorf("it was taken: %v", err)
	}
}

func soon(t *testing.T, came func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !came(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
}

// TestRetiredByPolicy: the oldest go, and no more of them than have to.
func TestRetiredByPolicy(t *testing.T) {
	data, _, stop := kept(t, 4, local.Config{})
	info, err := os.Stat(filepath.Join(data, "logs", logfile.FileName(0)))
	check(t, err)
	stop()
	st, err := state.Open(filepath.Join(filepath.Dir(data), "state"))
	check(t, err)
	defer st.Close()
	retired := make(chan uint64, 10)
	opener := NewOpener(local.Config{Dir: data, Log: zerolog.Nop(), Retain: local.Policy{Bytes: uint64(info.Size()) * 3},
		Retired: func(_, bytes uint64) {
			if bytes > 0 {
				retired <- bytes
			}
		}}, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	select {
	case bytes := <-retired:
		if bytes != uint64(info.Size()) || there(t, data, 0) || !there(t, data, 1) {
			t.Errorf("%d bytes went of %d", bytes, info.Size())
		}
	case <-time.After(patience):
		t.Error("nothing went")
	}
}

// TestRolledBack: a log volume of before the last note is told from one that fits.
func TestRolledBack(t *testing.T) {
	data, st, stop := kept(t, 2, local.Config{})
	_, err := Retire(t.Context(), data, st, order(0, 0), false)
	check(t, err)
	stop()
	note := filepath.Join(data, "logs", logfile.RetiredName)
	old, err := os.ReadFile(note)
	check(t, err)
	_, err = Retire(t.Context(), data, st, order(1, 1), false)
	check(t, err)
	check(t, os.WriteFile(note, old, 0o644))
	var misfit *local.MisfitError
	if _, err := Verify(data, st, func(local.Difference) {}); !errors.As(err, &misfit) {
		t.Errorf("verified: %v", err)
	}
	opener := NewOpener(local.Config{Dir: data, Log: zerolog.Nop()}, st)
	defer opener.Close()
	if _, err := opener.Open(); !errors.As(err, &misfit) {
		t.Errorf("opened: %v", err)
	}
	opener.Close()
	p, err := Propose(data, st)
	check(t, err)
	defer p.Close()
	if _, err = p.Accept(); err != nil {
		t.Error(err)
	}
	if serial, err := st.RetiredSerial(); serial != 0 || err != nil {
		t.Errorf("the new logbook has serial %d, %v", serial, err)
	}
}

// TestRetireBesideCommits: messages are kept while others are retired, and every one is
// there or named.
func TestRetireBesideCommits(t *testing.T) {
	root := durabletest.MemoryDir(t)
	check(t, os.MkdirAll(filepath.Join(root, "data"), 0o755))
	st, err := state.Open(filepath.Join(root, "state"))
	check(t, err)
	defer st.Close()
	data := filepath.Join(root, "data")
	opener := NewOpener(local.Config{Dir: data, Log: zerolog.Nop()}, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	const messages = 400
	keep := func(book logbook.Logbook) {
		for range messages / 2 {
			if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
				t.Error(err)
			}
		}
	}
	keep(book)
	ended := make(chan struct{})
	go func() { defer close(ended); keep(book) }()
	done, err := Retire(t.Context(), data, st, order(0, messages/2-1), false)
	if err != nil || done.Numbers.Count() != messages/2 {
		t.Errorf("%+v, %v", done, err)
	}
	<-ended
	check(t, book.Close())
	found, err := Verify(data, st, func(d local.Difference) { t.Error(d) })
	if err != nil || found != (local.Verified{Checked: messages, Retired: messages / 2}) {
		t.Errorf("%+v, %v", found, err)
	}
}
