package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/state"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/crypto/token"
)

// TestShared runs all tests with one cluster.
func TestShared(t *testing.T) {
	c := natstest.Start(t, natstest.Options{})
	for i, test := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"Follow", testFollow},
		{"ChangesMeet", testChangesMeet},
		{"Failed", testFailed},
		{"Nothing", testNothing},
		{"Older", testOlder},
		{"Lost", testLost},
		{"NotCopied", testNotCopied},
		{"LockHeld", testLockHeld},
		{"Expired", testExpired},
		{"Empty", testEmpty},
		{"OtherKey", testOtherKey},
		{"Newer", testNewer},
		{"Strays", testStrays},
		{"Killed", testKilled},
		{"Stale", testStale},
		{"Void", testVoid},
		{"ManyVoid", testManyVoid},
		{"PassagesStay", testPassagesStay},
		{"PassageIsSetOnce", testPassageIsSetOnce},
		{"LatePromise", testLatePromise},
		{"PassagesMeet", testPassagesMeet},
		{"PassageAway", testPassageAway},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.In(t)
			test.run(t, newSite(t, c, fmt.Sprint("STATE_", i)))
		})
	}
}

// site is a register and the key of its servers.
type site struct {
	nodes *natstest.Cluster
	name  string
	key   Key
}

func newSite(t *testing.T, c *natstest.Cluster, name string) *site {
	c.CreateRegister(name)
	return &site{c, name, newKey(t)}
}

// config is of a server with a state directory of its own.
func (s *site) config(t *testing.T) Config {
	t.Helper()
	r, err := stream.OpenRegister(t.Context(), s.nodes.Config(s.name))
	check(t, err)
	t.Cleanup(r.Close)
	return Config{Register: r, Key: s.key, Dir: t.TempDir(), Log: zerolog.Nop(), Every: time.Millisecond}
}

// share begins with the state of a first server, whose configuration it returns.
func (s *site) share(t *testing.T) Config {
	t.Helper()
	cfg := s.config(t)
	openState(t, cfg.Dir)
	check(t, Share(t.Context(), cfg))
	return cfg
}

func openState(t *testing.T, dir string) *state.State {
	t.Helper()
	s, err := state.Open(dir)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// follow opens what is shared, follows it, and opens the state behind it.
func follow(t *testing.T, cfg Config) (*Shared, *state.State) {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Follow(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return s, openState(t, cfg.Dir)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T, what string, came func() bool) {
	t.Helper()
	if !logbooktest.Soon(t, what, came) {
		t.FailNow()
	}
}

// add makes a sender in a state directory.
func add(dir, name string) (tok token.Token, err error) {
	s, err := state.Open(dir)
	if err != nil {
		return tok, err
	}
	tok, err = s.AddSender(name)
	return tok, errors.Join(err, s.Close())
}

// What one server changes holds on the others that run, and they are the same server to
// their clients.
func testFollow(t *testing.T, s *site) {
	first, one := follow(t, s.share(t))
	_, two := follow(t, s.config(t))
	if one.LogbookID() != two.LogbookID() || !one.Identity().Public().Equal(two.Identity().Public()) {
		t.Error("they have another identity, or logbook")
	}
	var tok token.Token
	check(t, first.Change(t.Context(), func(dir string) (err error) {
		tok, err = add(dir, "store-17")
		return err
	}))
	if _, ok := one.Authenticate(tok.Reveal()); !ok {
		t.Error("the change does not hold where it was made")
	}
	soon(t, "the sender is let in", func() bool { _, ok := two.Authenticate(tok.Reveal()); return ok })
	check(t, first.Change(t.Context(), func(dir string) error {
		s, err := state.Open(dir)
		check(t, err)
		defer s.Close()
		if _, err := s.RemoveSender("store-17", false); err != nil {
			return err
		}
		if _, err := s.NextIdentity(); err != nil {
			return err
		}
		return s.SwitchIdentity(time.Hour)
	}))
	soon(t, "the sender is let in no more", func() bool { _, ok := two.Authenticate(tok.Reveal()); return !ok })
	soon(t, "the identity is switched", func() bool {
		return one.Check() == nil && two.Check() == nil && len(two.Formers()) == 1 &&
			two.Identity().Public().Equal(one.Identity().Public())
	})
	if _, err := os.Stat(filepath.Join(first.cfg.Dir, changeDir)); !os.IsNotExist(err) {
		t.Errorf("what was changed lies about: %v", err)
	}
}

// Changes that several servers make at once are all made, while a node is killed.
func testChangesMeet(t *testing.T, s *site) {
	const servers, each = 3, 5 // no more than a register keeps
	books := make([]*Shared, servers)
	cfg := s.share(t)
	for i := range books {
		var err error
		books[i], err = Open(t.Context(), cfg)
		check(t, err)
		cfg = s.config(t)
	}
	var wg sync.WaitGroup
	begun := make(chan struct{}, servers)
	for i, book := range books {
		wg.Go(func() {
			for n := range each {
				name := fmt.Sprintf("store-%d-%d", i, n)
				if err := again(t, book, func(dir string) error { _, err := add(dir, name); return err }); err != nil {
					t.Error(err)
				}
				if n == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range servers {
		<-begun
	}
	leader := s.nodes.Leader(s.name)
	leader.Kill()
	wg.Wait()
	leader.Start()
	s.nodes.AwaitNodes()
	s.nodes.Await(s.name)
	check(t, books[0].look(t.Context()))
	senders, err := openState(t, books[0].cfg.Dir).Senders()
	check(t, err)
	for _, sender := range senders {
		if len(sender.Created) != 1 {
			t.Errorf("%s has %d tokens", sender.Name, len(sender.Created))
		}
	}
	if len(senders) != servers*each {
		t.Errorf("%d senders", len(senders))
	}
}

// again makes a change as an operator does: until it is made. What cannot be read was not
// changed.
func again(t *testing.T, s *Shared, do func(dir string) error) (err error) {
	for deadline := time.Now().Add(logbooktest.Patience); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), logbooktest.Patience)
		err = s.Change(ctx, do)
		cancel()
		if err == nil || errors.Is(err, stream.ErrUnknown) || errors.Is(err, stream.ErrChanged) {
			return err
		}
	}
	return err
}

// A change that cannot be made changes nothing.
func testFailed(t *testing.T, s *site) {
	cfg := s.share(t)
	book, err := Open(t.Context(), cfg)
	check(t, err)
	failed := errors.New("no")
	if err := book.Change(t.Context(), func(dir string) error {
		if _, err := add(dir, "store-17"); err != nil {
			return err
		}
		return failed
	}); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if _, revision, err := cfg.Register.Value(t.Context()); err != nil || revision != 1 {
		t.Errorf("revision %d, %v", revision, err)
	}
	if senders, err := openState(t, cfg.Dir).Senders(); err != nil || len(senders) > 0 {
		t.Errorf("%d senders, %v", len(senders), err)
	}
	check(t, book.Change(t.Context(), func(string) error { return nil }))
	if _, revision, err := cfg.Register.Value(t.Context()); err != nil || revision != 1 {
		t.Errorf("without a change: revision %d, %v", revision, err)
	}
}

func testNothing(t *testing.T, s *site) {
	if _, err := Open(t.Context(), s.config(t)); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v", err)
	}
	s.share(t)
	cfg := s.config(t)
	openState(t, cfg.Dir)
	if err := Share(t.Context(), cfg); !errors.Is(err, stream.ErrChanged) {
		t.Errorf("shared twice: %v", err)
	}
}

// A server takes nothing that is older than what it has known: a token that was removed
// would come back with it.
func testOlder(t *testing.T, s *site) {
	cfg := s.share(t)
	cfg.Stale = time.Hour
	book, _ := follow(t, cfg)
	was, err := book.known()
	check(t, err)
	check(t, book.setKnown(known{7, was.sum}))
	soon(t, "the server says why", func() bool { return errors.Is(book.Fresh(), ErrOlder) })
	if err := book.Change(t.Context(), func(string) error { return nil }); !errors.Is(err, ErrOlder) {
		t.Errorf("a change: %v", err)
	}
	check(t, book.setKnown(was))
	soon(t, "it is the newest again", func() bool { return book.Fresh() == nil })
}

// A register that has lost a value gives its number to another one, and the next number to one
// that replaced another one.
func testLost(t *testing.T, s *site) {
	cfg := s.share(t)
	cfg.Stale = time.Hour
	book, _ := follow(t, cfg)
	was, err := book.known()
	check(t, err)
	for _, lost := range []known{{was.revision, sumOf([]byte("lost"))}, {was.revision - 1, sumOf([]byte("lost"))}} {
		check(t, book.setKnown(lost))
		soon(t, "the server says why", func() bool { return errors.Is(book.Fresh(), ErrOlder) })
		check(t, book.setKnown(was))
		soon(t, "it is the newest again", func() bool { return book.Fresh() == nil })
	}
}

// What a change has set is what was changed, also where it does not come into the copy.
func testNotCopied(t *testing.T, s *site) {
	cfg := s.share(t)
	book, err := Open(t.Context(), cfg)
	check(t, err)
	if err := book.Change(t.Context(), func(dir string) error {
		check(t, os.Remove(filepath.Join(cfg.Dir, revisionFile)))
		check(t, os.Mkdir(filepath.Join(cfg.Dir, revisionFile), 0o700))
		_, err := add(dir, "store-17")
		return err
	}); !errors.Is(err, ErrNotCopied) {
		t.Errorf("got %v", err)
	}
	if _, revision, err := cfg.Register.Value(t.Context()); err != nil || revision != 2 {
		t.Errorf("revision %d, %v", revision, err)
	}
}

// Who follows hears of a lock that is held, and of the end, and does not wait for it.
func testLockHeld(t *testing.T, s *site) {
	book, err := Open(t.Context(), s.share(t))
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	check(t, book.locked(t.Context(), copyLock, func() error {
		time.AfterFunc(time.Millisecond, cancel)
		if err := book.look(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		return nil
	}))
	// A change that takes its time keeps nobody from following.
	check(t, book.Change(t.Context(), func(string) error { return book.look(t.Context()) }))
}

// The private key of an identity that signs no more is in no copy.
func testExpired(t *testing.T, s *site) {
	book, one := follow(t, s.share(t))
	check(t, book.Change(t.Context(), func(dir string) error {
		s, err := state.Open(dir)
		check(t, err)
		defer s.Close()
		if _, err := s.NextIdentity(); err != nil {
			return err
		}
		return s.SwitchIdentity(10 * time.Millisecond)
	}))
	soon(t, "it signs no more", func() bool {
		check(t, one.Check())
		return len(one.Formers()) == 1 && !one.Formers()[0].Signs
	})
	check(t, one.DropExpired())
	check(t, book.look(t.Context()))
	text, err := os.ReadFile(filepath.Join(book.cfg.Dir, "identities_former.jsonl"))
	check(t, err)
	if bytes.Contains(text, []byte("PRIVATE")) {
		t.Error("it is there again")
	}
}

// A directory without a server is not shared: the others would lose theirs.
func testEmpty(t *testing.T, s *site) {
	cfg := s.config(t)
	if err := Share(t.Context(), cfg); !errors.Is(err, state.ErrNoServer) {
		t.Errorf("got %v", err)
	}
	book, _ := follow(t, s.share(t))
	sealed, err := s.key.seal([]byte(`{"v":1,"revision":2,"files":{}}`))
	check(t, err)
	_, revision, err := book.cfg.Register.Value(t.Context())
	check(t, err)
	_, err = book.cfg.Register.Set(t.Context(), sealed, revision)
	check(t, err)
	soon(t, "the server says why", func() bool { return errors.Is(book.Fresh(), state.ErrNoServer) })
	if _, err := os.Stat(filepath.Join(book.cfg.Dir, "identity.pem")); err != nil {
		t.Error(err)
	}
}

func testOtherKey(t *testing.T, s *site) {
	s.share(t)
	s.key = newKey(t)
	if _, err := Open(t.Context(), s.config(t)); !errors.Is(err, ErrSealed) {
		t.Errorf("got %v", err)
	}
}

// What a newer server has shared this one does not read in part.
func testNewer(t *testing.T, s *site) {
	book, _ := follow(t, s.share(t))
	put := func(text string) {
		sealed, err := s.key.seal([]byte(text))
		check(t, err)
		_, revision, err := book.cfg.Register.Value(t.Context())
		check(t, err)
		_, err = book.cfg.Register.Set(t.Context(), sealed, revision)
		check(t, err)
	}
	put(`{"v":2,"revision":2,"files":{}}`)
	soon(t, "the server says why", func() bool { return errors.As(book.Fresh(), new(*VersionError)) })
	put(`{"v":1,"revision":3,"files":{"of_tomorrow":"","identity.pem":"","logbook_id":""}}`)
	soon(t, "the server says why", func() bool { return errors.Is(book.Fresh(), state.ErrCommonFile) })
	if openState(t, book.cfg.Dir).LogbookID() == "" {
		t.Error("the copy is gone")
	}
}

// What others publish to the register, copies of older values too, changes nothing, and is in the
// way of no change.
func testStrays(t *testing.T, s *site) {
	book, one := follow(t, s.share(t))
	old, revision, err := book.cfg.Register.Value(t.Context())
	check(t, err)
	check(t, book.Change(t.Context(), func(dir string) error { _, err := add(dir, "store-17"); return err }))
	for i, stray := range [][]byte{old, []byte("stray"), old} {
		_, err = book.cfg.Register.Set(t.Context(), stray, revision+1+uint64(i))
		check(t, err)
	}
	check(t, book.look(t.Context()))
	check(t, one.Check())
	if n := len(one.Roster().Senders()); n != 1 {
		t.Errorf("%d senders", n)
	}
	check(t, book.Change(t.Context(), func(dir string) error { _, err := add(dir, "store-18"); return err }))
	check(t, one.Check())
	if n := len(one.Roster().Senders()); n != 2 {
		t.Errorf("%d senders after a change", n)
	}
}

// What a change that was killed has left is not in the way of the next.
func testKilled(t *testing.T, s *site) {
	cfg := s.share(t)
	left := filepath.Join(cfg.Dir, changeDir, "senders.jsonl")
	check(t, os.Mkdir(filepath.Dir(left), 0o700))
	check(t, os.WriteFile(left, []byte("torn"), 0o600))
	book, err := Open(t.Context(), cfg)
	check(t, err)
	if _, err := os.Stat(filepath.Dir(left)); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	check(t, book.Change(t.Context(), func(dir string) error { _, err := add(dir, "store-17"); return err }))
	if senders, err := openState(t, cfg.Dir).Senders(); err != nil || len(senders) != 1 {
		t.Errorf("%d senders, %v", len(senders), err)
	}
}

// Who cannot ask does not know.
func testStale(t *testing.T, s *site) {
	cfg := s.share(t)
	cfg.Stale = time.Second
	book, _ := follow(t, cfg)
	soon(t, "the copy is the newest", func() bool { return book.Fresh() == nil })
	cfg.Register.Close()
	soon(t, "the server says why", func() bool { return errors.Is(book.Fresh(), ErrStale) })
}
