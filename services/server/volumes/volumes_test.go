package volumes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

const otherID = "fedcba9876543210fedcba9876543210"

// filled is a pair of volumes with two messages.
func filled(t *testing.T) (root, data string, st *state.State) {
	t.Helper()
	root = t.TempDir()
	served(t, root)
	st, err := state.Open(filepath.Join(root, "state"))
	check(t, err)
	t.Cleanup(func() { _ = st.Close() })
	return root, filepath.Join(root, "data"), st
}

// misfit is one whose state volume is of another logbook.
func misfit(t *testing.T) (root, data string, st *state.State) {
	t.Helper()
	root, data, st = filled(t)
	check(t, st.SetLogbookID(otherID))
	return root, data, st
}

func propose(t *testing.T, data string, st *state.State) error {
	t.Helper()
	p, err := Propose(data, st)
	if err == nil {
		p.Close()
	}
	return err
}

func TestProposals(t *testing.T) {
	t.Run("volumes that fit", func(t *testing.T) {
		_, data, st := filled(t)
		if err := propose(t, data, st); !errors.Is(err, ErrFit) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a log volume that contradicts itself", func(t *testing.T) {
		_, data, st := misfit(t)
		check(t, os.Truncate(filepath.Join(data, "logs", "manifest.jsonl"), 10))
		if err := propose(t, data, st); !errors.As(err, new(*CannotAcceptError)) {
			t.Errorf("got %v", err)
		}
		if id, err := fit.ReadID(data); err != nil || id == otherID || id == "" {
			t.Errorf("the id is %q, %v", id, err)
		}
	})
	t.Run("beside a server", func(t *testing.T) {
		root, data, st := filled(t)
		opener := newOpener(root, st)
		defer opener.Close()
		book, err := opener.Open()
		check(t, err)
		defer book.Close()
		if err := propose(t, data, st); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what it is about", func(t *testing.T) {
		_, data, st := misfit(t)
		p, err := Propose(data, st)
		check(t, err)
		defer p.Close()
		if p.Messages != 2 || p.State != otherID || len(p.Was) != 32 || p.Reason == nil {
			t.Errorf("got %+v", p)
		}
	})
}

// A server that is red for what the volumes hold keeps others from accepting
// them; once it has ended they can be.
func TestRedServerHolds(t *testing.T) {
	root, data, st := misfit(t)
	opener := newOpener(root, st)
	for range 2 {
		if _, err := opener.Open(); !errors.As(err, new(*local.MisfitError)) {
			t.Fatalf("got %v", err)
		}
		if err := propose(t, data, st); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("beside it: %v", err)
		}
	}
	opener.Close()
	check(t, propose(t, data, st))
}

// The right log volume is put in the place of the wrong one: the server takes it,
// also where it was accepted in the wrong one's place.
func TestBroughtBack(t *testing.T) {
	root, data, st := filled(t)
	right := durabletest.Get(t, data)
	check(t, os.RemoveAll(data))
	opener := newOpener(root, st)
	defer opener.Close()
	if _, err := opener.Open(); !errors.As(err, new(*local.ForkError)) {
		t.Fatalf("got %v", err)
	}
	check(t, os.RemoveAll(data))
	durabletest.Put(t, data, right)
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	if err := propose(t, data, st); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("beside it: %v", err)
	}
}

// The word was given for one log volume; another one does not become it.
func TestAcceptedIsAnother(t *testing.T) {
	root, data, st := misfit(t)
	check(t, st.Accept(state.Acceptance{ID: strings.Repeat("1", 32), Was: strings.Repeat("2", 32)}))
	opener := newOpener(root, st)
	defer opener.Close()
	if _, err := opener.Open(); !errors.As(err, new(*local.MisfitError)) {
		t.Errorf("got %v", err)
	}
	if id, err := fit.ReadID(data); err != nil || id == strings.Repeat("1", 32) {
		t.Errorf("the id is %q, %v", id, err)
	}
}

// Volumes that fit after all need no word, and later ones are not meant by it.
func TestAcceptedFits(t *testing.T) {
	root, data, st := filled(t)
	before := st.LogbookID()
	was, err := fit.ReadID(data)
	check(t, err)
	check(t, st.Accept(state.Acceptance{ID: otherID, Was: was}))
	opener := newOpener(root, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	if _, given, err := st.Accepted(); given || err != nil || book.ID() != before {
		t.Errorf("given %v, %v, logbook %s", given, err, book.ID())
	}
}

// A server that could not open the logbook follows an id that it was given
// meanwhile.
func TestFollowsTheID(t *testing.T) {
	root, data, st := misfit(t)
	server, err := state.Open(filepath.Join(root, "state"))
	check(t, err)
	defer server.Close()
	p, err := Propose(data, st)
	check(t, err)
	opener := newOpener(root, server)
	defer opener.Close()
	if _, err := opener.Open(); !errors.Is(err, durable.ErrLocked) {
		t.Fatalf("beside a command: %v", err)
	}
	id, err := p.Accept()
	check(t, err)
	p.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	if book.ID() != id || server.LogbookID() != id {
		t.Errorf("logbook %s, state %s, want %s", book.ID(), server.LogbookID(), id)
	}
}

// judge says what a start says, beside a server too.
func TestJudgeBesideAServer(t *testing.T) {
	root, data, st := filled(t)
	opener := newOpener(root, st)
	defer opener.Close()
	book, err := opener.Open()
	check(t, err)
	defer book.Close()
	for range 20 {
		check(t, keep(root, "receipt", book))
		check(t, Judge(data, st))
	}
}

// While the answer to one message keeps the committer busy, those that come whole
// meanwhile are counted.
func TestQueued(t *testing.T) {
	root, _, st := filled(t)
	opener := newOpener(root, st)
	defer opener.Close()
	wantQueued := func(want int) {
		t.Helper()
		if f, _ := opener.Figures(); f.Queued.Messages != want || f.Queued.Full || f.Queued.Bytes > 0 != (want > 0) {
			t.Errorf("%d messages should wait: %+v", want, f.Queued)
		}
	}
	if f, open := opener.Figures(); open {
		t.Errorf("it is said to be open: %+v", f)
	}
	book, err := opener.Open()
	check(t, err)
	defer book.Close()

	answering, release, answered := make(chan error), make(chan struct{}), make(chan error, 2)
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	commit := func(then func(logbook.Facts, error)) {
		t.Helper()
		s, err := logbooktest.Stage(t.Context(), book, logbooktest.Draft("a", []byte("x")), []byte("x"))
		check(t, err)
		s.Commit(t.Context(), then)
	}
	commit(func(_ logbook.Facts, err error) {
		answering <- err
		<-release
	})
	check(t, logbooktest.Await(t, "the answer to the first", answering))
	for range cap(answered) {
		commit(func(_ logbook.Facts, err error) { answered <- err })
	}
	wantQueued(2)
	letGo()
	for range cap(answered) {
		check(t, logbooktest.Await(t, "the answers to the others", answered))
	}
	wantQueued(0)
}
