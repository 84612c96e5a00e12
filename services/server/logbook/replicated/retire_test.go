package replicated

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

func set(t *testing.T, text string) numbers.Set {
	t.Helper()
	n, err := numbers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// retired has a server retire numbers, and returns those that were not before.
func retired(t *testing.T, book *Logbook, text string) string {
	t.Helper()
	fresh, err := book.Retirer.Retire(set(t, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return fresh.String()
}

// work removes the files of what is retired.
func work(t *testing.T, book *Logbook) {
	t.Helper()
	if _, err := book.Retirer.Work(nil); err != nil {
		t.Fatal(err)
	}
}

// noteOn returns the note on a volume, with its signatures; "" for none.
func noteOn(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, fit.RetiredPath))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func hasFile(t *testing.T, dir string, number uint64) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(dir, "logs", logfile.FileName(number)))
	return err == nil
}

// cluster are servers that keep messages of one log.
type cluster struct {
	log   *handLog
	dirs  []string
	books []*Logbook
}

// holding starts servers with so many messages.
func holding(t *testing.T, messages int, servers ...string) *cluster {
	t.Helper()
	c := &cluster{log: begun(t, servers...)}
	for i := range messages {
		putMessage(t, c.log, fmt.Sprint("message ", i))
	}
	for _, server := range servers {
		dir := t.TempDir()
		c.dirs = append(c.dirs, dir)
		c.books = append(c.books, ready(t, open(t, testConfig(dir, server, c.log))))
	}
	for _, book := range c.books {
		signed(t, book, uint64(messages))
	}
	return c
}

// signed waits until messages can be retired.
func signed(t *testing.T, book *Logbook, messages uint64) {
	t.Helper()
	soon(t, "the messages are kept", func() bool { return book.Signed() == messages && book.Retirer.Ready() == nil })
}

// same waits until all servers have read the log, removes what they have retired, and expects
// the same on their volumes.
func (c *cluster) same(t *testing.T, retired string) {
	t.Helper()
	last := c.log.last()
	for i, book := range c.books {
		soon(t, "the log is read", func() bool { return book.waiters.position().Position >= last })
		work(t, book)
		if n := book.Retirer.Numbers(); n.String() != retired {
			t.Errorf("server %d has retired %v, want %s", i, n, retired)
		}
		equal(t, c.dirs[0], c.dirs[i])
		names := set(t, retired)
		for n := range book.Len() {
			if hasFile(t, c.dirs[i], n) == names.Has(n) {
				t.Errorf("server %d has retired %s, and the file of message %d is there: %v", i, retired, n, !names.Has(n))
			}
		}
	}
	if note, err := testNotary.OpenRetired([]byte(noteOn(t, c.dirs[0]))); err != nil || note.Numbers.String() != retired {
		t.Errorf("the note is %+v, %v", note, err)
	}
}

// What one server retires all retire, and list in the same words.
func TestRetireEverywhere(t *testing.T) {
	c := holding(t, 6, "a", "b", "c")
	if fresh := retired(t, c.books[0], "0-1"); fresh != "0-1" {
		t.Errorf("retired %s", fresh)
	}
	c.same(t, "0-1")
	if fresh := retired(t, c.books[1], "1-3"); fresh != "2-3" {
		t.Errorf("retired %s", fresh)
	}
	putMessage(t, c.log, "one more")
	signed(t, c.books[2], 7)
	if fresh := retired(t, c.books[2], "6"); fresh != "6" {
		t.Errorf("retired %s", fresh)
	}
	c.same(t, "0-3,6")
	if n := c.books[0].Retirer.Serial(); n != 3 {
		t.Errorf("serial %d", n)
	}
	late := t.TempDir()
	c.dirs, c.books = append(c.dirs, late), append(c.books, open(t, testConfig(late, "d", c.log)))
	c.same(t, "0-3,6")
}

// What is named already is not published; a file that was put back goes again.
func TestRetireAgain(t *testing.T) {
	c := holding(t, 2, "a")
	text := read(t, c.dirs[0], logfile.FileName(0))
	retired(t, c.books[0], "0")
	work(t, c.books[0])
	before := c.log.last()
	back := filepath.Join(c.dirs[0], "logs", logfile.FileName(0))
	if err := os.WriteFile(back, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if fresh := retired(t, c.books[0], "0"); fresh != "" {
		t.Errorf("retired %s", fresh)
	}
	work(t, c.books[0])
	if hasFile(t, c.dirs[0], 0) {
		t.Error("the file is back")
	}
	if after := c.log.last(); after != before {
		t.Errorf("%d entries more", after-before)
	}
}

// Another server retires while the order of this one is on its way: this one retires what that
// has left.
func TestRetireIsOvertaken(t *testing.T) {
	c := holding(t, 6, "a", "b")
	_, on, err := c.books[1].Retirer.Plan(set(t, "0-2"))
	if err != nil {
		t.Fatal(err)
	}
	h := entry.Header{Kind: entry.KindRetire, Server: "b", Retire: &entry.Retire{Serial: on.Serial, Sum: on.Sum}}
	other, err := testKey.Seal(h, []byte("0-2"))
	if err != nil {
		t.Fatal(err)
	}
	orders := 0
	c.log.set(func(l *handLog) {
		l.swallow = func(data []byte) (lost, silent bool) {
			if h, _, err := testKey.Open(data); err == nil && h.Kind == entry.KindRetire {
				if orders++; orders == 1 {
					l.add(other)
				}
			}
			return false, false
		}
	})
	if fresh := retired(t, c.books[0], "1-4"); fresh != "3-4" {
		t.Errorf("retired %s", fresh)
	}
	c.same(t, "0-4")
	if n := c.books[0].Retirer.Serial(); n != 2 {
		t.Errorf("serial %d", n)
	}
	if orders != 2 {
		t.Errorf("%d orders", orders)
	}
}

// All servers retire at once: each number is new to one of them.
func TestRetireAtOnce(t *testing.T) {
	const messages = 60
	c := holding(t, messages, "a", "b", "c")
	var wg sync.WaitGroup
	fresh := make([]uint64, len(c.books))
	for i, book := range c.books {
		wg.Go(func() {
			for first := uint64(0); first < messages; first += 10 {
				var which numbers.Set
				which.Add(numbers.Range{First: first, Last: min(first+uint64(10+i), messages-1)})
				n, err := book.Retirer.Retire(which, nil)
				if err != nil {
					t.Error(err)
				}
				fresh[i] += n.Count()
				if _, err := book.Retirer.Work(nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if sum := fresh[0] + fresh[1] + fresh[2]; sum != messages {
		t.Errorf("%d were new: %v", sum, fresh)
	}
	c.same(t, fmt.Sprint("0-", messages-1))
}

// A policy that several servers have removes no more than that of one.
func TestPolicyOfSeveralServers(t *testing.T) {
	c := holding(t, 20, "a", "b")
	policy := local.Policy{Bytes: 5 * uint64(len(read(t, c.dirs[0], logfile.FileName(19))))}
	var wg sync.WaitGroup
	for _, book := range c.books {
		wg.Go(func() {
			for range 10 {
				due, err := book.Retirer.Due(policy, time.Now())
				if err == nil && !due.Empty() {
					_, err = book.Retirer.Retire(due, nil)
				}
				if err == nil {
					_, err = book.Retirer.Work(nil)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c.same(t, "0-14")
}

// An entry that is read again changes nothing: by a server that goes on from before it, by one
// with a volume that was copied later, or because it was published again.
func TestRetireIsReadAgain(t *testing.T) {
	c := holding(t, 6, "a", "b")
	state := filepath.Join(c.dirs[1], FoldPath)
	soon(t, "the state is written", func() bool { _, err := os.Lstat(state); return err == nil })
	before, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	first := c.log.last() + 1
	for _, which := range []string{"0-1", "3", "1-2"} {
		retired(t, c.books[0], which)
	}
	e, err := c.log.Get(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	c.log.set(func(l *handLog) { l.add(e.Data) })
	c.same(t, "0-3")
	note := noteOn(t, c.dirs[0])
	if err := c.books[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, before, 0o600); err != nil {
		t.Fatal(err)
	}
	c.books[1] = ready(t, open(t, testConfig(c.dirs[1], "b", c.log)))
	join(t, c.log, "c")
	copied := filepath.Join(t.TempDir(), "c")
	if err := os.CopyFS(copied, os.DirFS(c.dirs[0])); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(copied, FoldPath)); err != nil {
		t.Fatal(err)
	}
	c.dirs = append(c.dirs, copied)
	c.books = append(c.books, ready(t, open(t, testConfig(copied, "c", c.log))))
	c.same(t, "0-3")
	if noteOn(t, c.dirs[0]) != note {
		t.Errorf("the note is another one:\n%s", noteOn(t, c.dirs[0]))
	}
	retired(t, c.books[2], "4")
	c.same(t, "0-4")
}

// A log that loses entries, and acknowledgements: an order is carried out once.
func TestRetireOnAnUnreliableLog(t *testing.T) {
	c := holding(t, 8, "a", "b")
	n := 0
	c.log.set(func(l *handLog) {
		l.swallow = func(data []byte) (lost, silent bool) {
			n++
			return n%3 == 0, n%3 != 1
		}
	})
	for i := range 8 {
		which := fmt.Sprint(i)
		if fresh := retired(t, c.books[i%2], which); fresh != which {
			t.Errorf("retired %q, want %s", fresh, which)
		}
	}
	c.log.set(func(l *handLog) { l.swallow = nil })
	c.same(t, "0-7")
	if n := c.books[0].Retirer.Serial(); n != 8 {
		t.Errorf("serial %d", n)
	}
}

// Who orders is told when nobody knows what becomes of it, and waits no longer than it wants.
func TestRetireIsUnsettled(t *testing.T) {
	c := holding(t, 2, "a")
	if err := c.books[0].Close(); err != nil {
		t.Fatal(err)
	}
	var kept []byte
	c.log.set(func(l *handLog) {
		l.swallow = func(data []byte) (lost, silent bool) { kept = data; return true, true }
	})
	cfg := testConfig(c.dirs[0], "a", c.log)
	cfg.CommitWithin = 20 * time.Millisecond
	book := ready(t, open(t, cfg))
	var unsettled *UnsettledError
	_, err := book.Retirer.Retire(set(t, "0"), nil)
	if !errors.As(err, &unsettled) || !errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("too late: %v", err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	book = ready(t, open(t, testConfig(c.dirs[0], "a", c.log)))
	stop := make(chan struct{})
	close(stop)
	if _, err := book.Retirer.Retire(set(t, "0"), stop); !errors.As(err, &unsettled) {
		t.Errorf("stopped: %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := book.Retirer.Retire(set(t, "0"), nil)
		ended <- err
	}()
	soon(t, "both wait", func() bool {
		book.waiters.mu.Lock()
		defer book.waiters.mu.Unlock()
		return len(book.waiters.waiting) == 2
	})
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.As(err, &unsettled) {
		t.Errorf("closed: %v", err)
	}
	c.log.set(func(l *handLog) { l.swallow = nil; l.add(kept) }) // the order was on its way
	c.books[0] = ready(t, open(t, testConfig(c.dirs[0], "a", c.log)))
	c.same(t, "0")
}

// What cannot be retired is not published.
func TestRetireIsRefused(t *testing.T) {
	c := holding(t, 2, "a")
	before := c.log.last()
	var notKept *retire.NotKeptError
	if _, err := c.books[0].Retirer.Retire(set(t, "1-2"), nil); !errors.As(err, &notKept) || notKept.Next != 2 {
		t.Errorf("a number that is not given: %v", err)
	}
	c.books[0].health.read(errBehind)
	if _, err := c.books[0].Retirer.Retire(set(t, "0"), nil); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("behind the log: %v", err)
	}
	c.books[0].health.read(nil)
	c.log.set(func(l *handLog) { l.full = true })
	if _, err := c.books[0].Retirer.Retire(set(t, "0"), nil); !errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("a full log: %v", err)
	}
	if after := c.log.last(); after != before {
		t.Errorf("%d entries more", after-before)
	}
}

// putRetire adds an order of another server.
func putRetire(t *testing.T, log *handLog, on retire.Base, which string) uint64 {
	t.Helper()
	h := entry.Header{Kind: entry.KindRetire, Server: "z", Retire: &entry.Retire{Serial: on.Serial, Sum: on.Sum}}
	return log.put(t, testKey, h, []byte(which))
}

// A server stops in front of an order that it cannot carry out, and retires nothing.
func TestRetireCannotBeDone(t *testing.T) {
	for name, test := range map[string]struct {
		which string
		on    func(retire.Base) retire.Base
		is    any
	}{
		"numbers that are not given": {"1-2", func(b retire.Base) retire.Base { return b }, new(*retire.NotKeptError)},
		"on a note that is lacking": {
			"0", func(b retire.Base) retire.Base { b.Serial++; return b }, new(*retire.BaseError),
		},
		"on another note": {"0", func(b retire.Base) retire.Base { b.Sum[0]++; return b }, new(*retire.BaseError)},
	} {
		t.Run(name, func(t *testing.T) {
			c := holding(t, 2, "a")
			_, on, err := c.books[0].Retirer.Plan(set(t, "0"))
			if err != nil {
				t.Fatal(err)
			}
			putRetire(t, c.log, test.on(on), test.which)
			putMessage(t, c.log, "behind it")
			soon(t, "the server says why", func() bool { return errors.As(c.books[0].Ready(), test.is) })
			if c.books[0].Len() != 2 || c.books[0].Retirer.Serial() != 0 || noteOn(t, c.dirs[0]) != "" {
				t.Error("it goes on all the same")
			}
		})
	}
}

// A note that cannot be written stops the server in front of the order, and no longer than
// that.
func TestRetireCannotBeWritten(t *testing.T) {
	c := holding(t, 3, "a", "b")
	inTheWay := filepath.Join(c.dirs[1], fit.RetiredPath, "x")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	retired(t, c.books[0], "0-1")
	putMessage(t, c.log, "behind it")
	soon(t, "the server says why", func() bool { return errors.As(c.books[1].Ready(), new(*os.LinkError)) })
	if _, err := c.books[1].Retirer.Work(nil); err == nil || !hasFile(t, c.dirs[1], 0) {
		t.Errorf("files go without the note: %v", err)
	}
	if n := c.books[1].Len(); n != 3 {
		t.Errorf("%d messages are kept", n)
	}
	if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	holds(t, ready(t, c.books[1]), 4)
	c.same(t, "0-1")
}

// Messages that are still on their way to the volume are there before one of them is retired.
func TestRetireAwaitsMessages(t *testing.T) {
	log, dir := begun(t, "a", "b"), t.TempDir()
	if err := open(t, testConfig(dir, "a", log)).Close(); err != nil {
		t.Fatal(err)
	}
	const messages = 40
	for i := range messages {
		putMessage(t, log, fmt.Sprint("message ", i))
	}
	other := ready(t, open(t, testConfig(t.TempDir(), "b", log)))
	signed(t, other, messages)
	_, on, err := other.Retirer.Plan(set(t, "0-39"))
	if err != nil {
		t.Fatal(err)
	}
	putRetire(t, log, on, "0-39")
	cfg := testConfig(dir, "a", log)
	var failed said
	cfg.Local.Log, cfg.Local.Files = zerolog.New(&failed), 1
	book := ready(t, open(t, cfg))
	soon(t, "they are retired", func() bool { return book.Retirer.Serial() == 1 })
	if failed.has("cannot be read on") {
		t.Errorf("the server stopped:\n%s", failed.text.String())
	}
}

// No note lies on a volume before its first checkpoint does.
func TestRetireAwaitsTheCheckpoint(t *testing.T) {
	c := holding(t, 1, "a")
	join(t, c.log, "b")
	retired(t, c.books[0], "0")
	cfg := testConfig(t.TempDir(), "b", c.log)
	cfg.Local.RetryEvery = time.Hour // until one is written
	book := open(t, cfg)
	soon(t, "the order is the next entry", func() bool { return book.waiters.position().Position == c.log.last()-1 })
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if text := noteOn(t, cfg.Local.Dir); text != "" {
		t.Errorf("the note is there:\n%s", text)
	}
	if book = ready(t, open(t, cfg)); book.Retirer.Serial() != 1 {
		t.Error("the order is not carried out")
	}
}

// said is a log that is read while it is written.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Count(s.text.Bytes(), []byte(what))
}

func (s *said) has(what string) bool { return s.count(what) > 0 }

// A server that was not asked says what it retires in its audit trail, once.
func TestTrailOfRetiring(t *testing.T) {
	log := begun(t, "a", "b")
	putMessage(t, log, "one")
	var ours, theirs said
	books := make([]*Logbook, 0, 2)
	for server, to := range map[string]*said{"a": &ours, "b": &theirs} {
		cfg := testConfig(t.TempDir(), server, log)
		cfg.Local.Log = zerolog.New(to)
		book := ready(t, open(t, cfg))
		signed(t, book, 1)
		if books = append(books, book); server == "a" {
			books[0], books[len(books)-1] = books[len(books)-1], books[0]
		}
	}
	retired(t, books[0], "0")
	e, err := log.Get(t.Context(), log.last())
	if err != nil {
		t.Fatal(err)
	}
	log.set(func(l *handLog) { l.add(e.Data) })
	const line = `"audit":"messages retired","by":"log","numbers":"0","messages":1,"server":"a"`
	for _, book := range books {
		soon(t, "it is read", func() bool { return book.waiters.position().Position == log.last() })
	}
	if n := theirs.count(line); n != 1 {
		t.Errorf("%d lines:\n%s", n, theirs.text.String())
	}
	if n := ours.count(`"audit"`); n != 0 {
		t.Errorf("who was asked says it, too:\n%s", ours.text.String())
	}
}

// rotated is a notary that others than before sign as.
type rotated struct {
	logbooktest.Notary
	times atomic.Uint64
}

func (r *rotated) Signers() uint64 { return r.times.Load() }

// A note that is signed anew stays the one that the log has come to.
func TestRetireSignersChange(t *testing.T) {
	log, notary := begun(t, "a"), &rotated{Notary: testNotary}
	putMessage(t, log, "one")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.Local.Notary = notary
	book := ready(t, open(t, cfg))
	signed(t, book, 1)
	retired(t, book, "0")
	note := noteOn(t, cfg.Local.Dir)
	notary.times.Add(1)
	path := filepath.Join(cfg.Local.Dir, fit.RetiredPath)
	if err := os.WriteFile(path, nil, 0o600); err != nil { // so that it shows that it is written
		t.Fatal(err)
	}
	work(t, book)
	if again := noteOn(t, cfg.Local.Dir); again != note {
		t.Errorf("the note is\n%s\nafter\n%s", again, note)
	}
}

// A server that may be one of few that have read something else removes no file.
func TestNoFileGoesInDoubt(t *testing.T) {
	c := holding(t, 1, "a", "b", "c")
	retired(t, c.books[0], "0")
	c.log.put(t, testKey, entry.Header{
		Kind: entry.KindNote, Server: "b", Seen: entry.Seen{Position: 2}, Note: &entry.Note{},
	}, nil)
	c.log.put(t, testKey, entry.Header{
		Kind: entry.KindNote, Server: "c", Seen: entry.Seen{Position: 2}, Note: &entry.Note{},
	}, nil)
	soon(t, "it is in doubt", func() bool { return c.books[0].health.doubt() != nil })
	if _, err := c.books[0].Retirer.Work(nil); !errors.Is(err, logbook.ErrUnavailable) || !hasFile(t, c.dirs[0], 0) {
		t.Errorf("the file goes: %v", err)
	}
}

// A volume that lacks what was retired before the log begins does not join.
func TestJoinWithoutWhatIsRetired(t *testing.T) {
	log, dirs := begun(t, "a", "b"), []string{t.TempDir(), t.TempDir()}
	books := []*Logbook{
		ready(t, open(t, trimConfig(dirs[0], "a", log))), ready(t, open(t, trimConfig(dirs[1], "b", log))),
	}
	putMessage(t, log, "one")
	signed(t, books[0], 1)
	retired(t, books[0], "0")
	log.later(time.Hour)
	putMessage(t, log, "two")
	last := log.last()
	log.later(time.Hour)
	soon(t, "the log is trimmed", func() bool { return log.begins() > last })
	for _, book := range books {
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
	join(t, log, "c")
	for _, lacks := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "c")
		if err := os.CopyFS(dir, os.DirFS(dirs[0])); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, FoldPath)); err != nil {
			t.Fatal(err)
		}
		if !lacks {
			ready(t, open(t, testConfig(dir, "c", log)))
			continue
		}
		if err := os.Remove(filepath.Join(dir, fit.RetiredPath)); err != nil {
			t.Fatal(err)
		}
		book := open(t, testConfig(dir, "c", log))
		soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), errRetired) })
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An order for a list that would be too long is void everywhere.
func TestRetireManyRanges(t *testing.T) {
	const messages = 2*receipt.MaxRanges + 1
	c := holding(t, 1, "a")
	log, book := c.log, c.books[0]
	book.Retirer.Signed = func() uint64 { return messages }
	var even numbers.Set
	for n := uint64(0); n < messages-1; n += 2 {
		even.Add(numbers.One(n))
	}
	if fresh, err := book.Retirer.Retire(even, nil); err != nil || fresh.Count() != receipt.MaxRanges {
		t.Fatalf("as many as may be: %v, %v", fresh, err)
	}
	before := log.last()
	var ranges *retire.RangesError
	_, err := book.Retirer.Retire(set(t, fmt.Sprint(messages-1)), nil)
	if !errors.As(err, &ranges) || log.last() != before {
		t.Errorf("one more: %v, %d entries", err, log.last()-before)
	}
	_, on, err := book.Retirer.Plan(set(t, "1"))
	if err != nil {
		t.Fatal(err)
	}
	putRetire(t, log, on, fmt.Sprint(messages-1))
	if fresh := retired(t, book, "1"); fresh != "1" {
		t.Errorf("behind it: %s", fresh)
	}
	if n := book.Retirer.Serial(); n != 2 {
		t.Errorf("serial %d", n)
	}
	if fresh, err := book.Retirer.Retire(set(t, fmt.Sprint("0-", messages-1)), nil); err != nil ||
		fresh.Count() != messages-receipt.MaxRanges-1 {
		t.Errorf("what lies between: %d, %v", fresh.Count(), err)
	}
}
