package replicated

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// trimConfig is of a server that says often what it keeps, and trims the log of what is
// older than a minute.
func trimConfig(dir, server string, log Log) Config {
	cfg := testConfig(dir, server, log)
	cfg.NoteEvery, cfg.AuditEvery, cfg.KeepFor = time.Millisecond, time.Millisecond, time.Minute
	return cfg
}

// later lets the log's clock go on.
func (l *handLog) later(by time.Duration) { l.set(func(l *handLog) { l.clock = l.clock.Add(by) }) }

// begins returns the first position that was not purged.
func (l *handLog) begins() (first uint64) {
	l.set(func(l *handLog) { first = l.first })
	return first
}

// trimmedLog is one from which a message was removed that two servers keep, and behind
// which there is another one, and their volumes.
func trimmedLog(t *testing.T) (log *handLog, dirs []string) {
	t.Helper()
	log, dirs = begun(t, "a", "b"), []string{t.TempDir(), t.TempDir()}
	rules := settings()
	rules.Sharded = true // as no server is told of itself
	log.put(t, testKey, entry.Header{Kind: entry.KindSettings, Seen: entry.Seen{Position: 2}, Settings: &rules}, nil)
	books := []*Logbook{
		ready(t, open(t, trimConfig(dirs[0], "a", log))), ready(t, open(t, trimConfig(dirs[1], "b", log))),
	}
	putMessage(t, log, "one")
	log.later(time.Hour)
	putMessage(t, log, "two")
	last := log.last()
	log.later(time.Hour)
	soon(t, "the log is trimmed", func() bool { return log.begins() > last })
	putMessage(t, log, "three")
	for _, book := range books {
		holds(t, book, 3)
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return log, dirs
}

func join(t *testing.T, log *handLog, server string) {
	log.put(t, testKey, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: log.last()},
		Servers: &entry.Servers{Add: []string{server}}}, nil)
}

// What was removed from the log is had with the volume of another server: also with one
// that was copied from it, and knows nothing of the log.
func TestJoin(t *testing.T) {
	log, dirs := trimmedLog(t)
	join(t, log, "c")
	dir := filepath.Join(t.TempDir(), "c")
	if err := os.CopyFS(dir, os.DirFS(dirs[0])); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, FoldPath)); err != nil {
		t.Fatal(err)
	}
	book := ready(t, open(t, testConfig(dir, "c", log)))
	putMessage(t, log, "four")
	holds(t, book, 4)
	holds(t, ready(t, open(t, testConfig(dirs[1], "b", log))), 4)
	equal(t, dirs[1], dir)
}

// A volume that lacks what was removed is told so, and what to do.
func TestJoinWithoutTheRest(t *testing.T) {
	log, _ := trimmedLog(t)
	book := open(t, testConfig(t.TempDir(), "c", log))
	var e *JoinError
	soon(t, "the server says why", func() bool { return errors.As(book.Ready(), &e) })
	if e.Cause != nil || e.Keeps != 0 || e.Wants < 2 || e.First != log.begins() {
		t.Errorf("got %+v", e)
	}
	if book.Len() != 0 {
		t.Error("it keeps messages")
	}
}

// A volume with as many messages that are others does not go on with this log.
func TestJoinWithOthers(t *testing.T) {
	log, _ := trimmedLog(t)
	other, dir := begun(t, "c"), t.TempDir()
	for _, text := range []string{"1", "2", "3", "4"} {
		putMessage(t, other, text)
	}
	book := open(t, testConfig(dir, "c", other))
	holds(t, book, 4)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, FoldPath)); err != nil {
		t.Fatal(err)
	}
	book = open(t, testConfig(dir, "c", log))
	soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), errHistory) })
}

// Where a log begins for no reason that a server has given, nobody begins.
func TestJoinAtNoMark(t *testing.T) {
	log := begun(t, "a")
	putMessage(t, log, "x")
	log.set(func(l *handLog) { l.first = 2 })
	book := open(t, testConfig(t.TempDir(), "a", log))
	soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), errUnmarked) })
}

// notes returns how many notes of a server are in the log.
func (l *handLog) notes(server string) (n int) {
	l.set(func(l *handLog) {
		for _, e := range l.entries {
			if h, _, err := testKey.Open(e.Data); err == nil && h.Note != nil && h.Server == server {
				n++
			}
		}
	})
	return n
}

// marks returns how many places are marked.
func (l *handLog) marks() (n int) {
	l.set(func(l *handLog) {
		for _, e := range l.entries {
			if h, _, err := testKey.Open(e.Data); err == nil && h.Mark != nil {
				n++
			}
		}
	})
	return n
}

// A server that is in doubt removes nothing, though all keep it.
func TestNothingIsTrimmedInDoubt(t *testing.T) {
	log := begun(t, "a")
	join(t, log, "b")
	book := ready(t, open(t, trimConfig(t.TempDir(), "a", log)))
	log.later(2 * time.Hour)
	soon(t, "a place is marked", func() bool { return log.marks() > 0 })
	log.put(t, testKey, entry.Header{
		Kind: entry.KindNote, Server: "b", Seen: entry.Seen{Position: 2, Chain: entry.Chain{1}},
		Note: &entry.Note{Durable: log.last()},
	}, nil)
	soon(t, "the server is in doubt", func() bool { return errors.As(book.Ready(), new(*fold.ForkError)) })
	log.later(2 * time.Hour)
	before := log.notes("a")
	soon(t, "it says more of itself", func() bool { return log.notes("a") > before+200 })
	if first := log.begins(); first != 1 {
		t.Errorf("the log begins at %d", first)
	}
}

// A log that fills is trimmed of what all keep, however young it is.
func TestFillingLogIsTrimmed(t *testing.T) {
	log := begun(t, "a")
	for i := range 20 { // or one note more would fill it
		putMessage(t, log, strings.Repeat(string(rune('a'+i)), 4<<10))
	}
	cfg := trimConfig(t.TempDir(), "a", log)
	cfg.KeepFor = 1000 * time.Hour
	book := ready(t, open(t, cfg))
	log.later(2 * time.Hour)
	before := log.notes("a")
	soon(t, "it says more of itself", func() bool { return log.notes("a") > before+5 })
	if first := log.begins(); first != 1 {
		t.Fatalf("the log begins at %d", first)
	}
	log.set(func(l *handLog) { l.most = int64(l.bytes()) * 100 / 85 })
	soon(t, "the log is trimmed", func() bool { return log.begins() > 2 })
	ready(t, book)
}

// A server that keeps the log from being trimmed as it fills is forgotten, once others keep
// everything, and hears of it.
func TestServerIsForgotten(t *testing.T) {
	log := begun(t, "a", "b", "c")
	away := ready(t, open(t, testConfig(t.TempDir(), "c", log)))
	for _, server := range []string{"a", "b"} {
		ready(t, open(t, trimConfig(t.TempDir(), server, log)))
	}
	log.later(2 * time.Hour)
	soon(t, "a place is marked", func() bool { return log.marks() > 0 })
	before := log.notes("a")
	soon(t, "more is said", func() bool { return log.notes("a") > before+100 })
	if err := away.Ready(); err != nil {
		t.Errorf("while there is room: %v", err)
	}
	log.set(func(l *handLog) { l.most = int64(l.bytes()) * 100 / 92 })
	soon(t, "the server is told", func() bool { return errors.Is(away.Ready(), ErrStrange) })
	soon(t, "the log is trimmed", func() bool { return log.begins() > 2 })
	if _, err := away.Stage(t.Context(), logbooktest.Draft("a", nil)); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("it takes messages: %v", err)
	}
}

// A log that is nearly full takes no more messages, and does once there is room.
func TestNearlyFullLog(t *testing.T) {
	log := begun(t, "a")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.AuditEvery = time.Millisecond
	book := ready(t, open(t, cfg))
	stage := func() error {
		staged, err := book.Stage(t.Context(), logbooktest.Draft("a", nil))
		if err == nil {
			staged.Discard()
		}
		return err
	}
	log.set(func(l *handLog) { l.most = int64(l.bytes()) * 100 / 96 })
	soon(t, "messages are refused", func() bool { return errors.Is(stage(), logbook.ErrNoSpace) })
	if _, err := book.publishChunk(t.Context(), message.NewID(), 0, []byte("x")); !errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("a part of a message: %v", err)
	}
	log.set(func(l *handLog) { l.most = 0 })
	soon(t, "messages are taken", func() bool { return stage() == nil })
}

func TestRoom(t *testing.T) {
	var r room
	came := func(position uint64, bytes int) { r.came(fold.Entry{Position: position, Data: make([]byte, bytes)}) }
	came(1, 1000)
	if got := r.percent(); got != 0 {
		t.Errorf("a log without a limit is full by %d percent", got)
	}
	r.asked(stream.Info{Last: 9, Bytes: 500, MaxBytes: 1000})
	if got := r.percent(); got != 50 {
		t.Errorf("%d percent, as it says", got)
	}
	came(9, 1000) // read again
	came(10, 300)
	came(11, 150)
	if got := r.percent(); got != 95 {
		t.Errorf("%d percent, with what came", got)
	}
	r.asked(stream.Info{Last: 11, Bytes: 100, MaxBytes: 1000})
	if got := r.percent(); got != 10 {
		t.Errorf("%d percent, as it says then", got)
	}
}

// A server that reads what others have read marks nothing of it.
func TestOldPlacesAreLeft(t *testing.T) {
	log := begun(t, "a")
	for range 5 {
		log.later(time.Hour)
		putMessage(t, log, "x")
	}
	ready(t, open(t, trimConfig(t.TempDir(), "a", log)))
	soon(t, "it says something", func() bool { return log.notes("a") > 5 })
	if n := log.marks(); n > 0 {
		t.Errorf("%d places are marked", n)
	}
}

// A server begins where the log does, at marks that say so of themselves.
func TestMarksAt(t *testing.T) {
	log := newHandLog()
	for range 9 {
		putMessage(t, log, "x")
	}
	mark := func(key entry.Key, position, number uint64, chain byte) {
		putMark(t, log, key, entry.Mark{Position: position, Chain: entry.Chain{chain}, Number: number},
			fold.State{Position: position, Chain: entry.Chain{1}})
	}
	mark(entry.NewKey([]byte("another secret"), testID), 9, 1, 1)
	mark(testKey, 7, 2, 1)
	mark(testKey, 9, 3, 2)
	mark(testKey, 9, 4, 1)
	mark(testKey, 9, 5, 1)
	mark(testKey, 12, 6, 1)
	mark(testKey, 9, 7, 1)
	log.set(func(l *handLog) { l.first = 10 })
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{Logbook: ready(t, open(t, testConfig(t.TempDir(), "a", begun(t, "a"))))}
	r.cfg.Log = log
	got, err := r.marksAt(info)
	if err != nil || len(got) != 2 || got[0].Number != 4 || got[1].Number != 5 || got[0].state.Position != 9 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func putMark(t *testing.T, log *handLog, key entry.Key, m entry.Mark, state fold.State) {
	t.Helper()
	body, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	log.put(t, key, entry.Header{Kind: entry.KindMark, Mark: &m}, body)
}

// folded returns what a log comes to.
func folded(t *testing.T, log *handLog) *fold.Fold {
	t.Helper()
	f, err := fold.New(testKey, "z", fold.State{})
	if err != nil {
		t.Fatal(err)
	}
	for at := uint64(1); at <= log.last(); at++ {
		e, err := log.Get(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Take(e); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Of servers that have marked the same place after they had read different logs those are
// right that are the many; and of those one that keeps what this volume does.
func TestJoinAtDisputedMarks(t *testing.T) {
	log := newHandLog()
	rules := settings()
	log.put(t, testKey, entry.Header{Kind: entry.KindSettings, Settings: &rules}, nil)
	here := folded(t, log).State()
	join(t, log, "a")
	join(t, log, "b")
	join(t, log, "c")
	empty, other := logfile.Digest(sha256.Sum256(nil)), here
	other.Chain[0]++
	putMark(t, log, testKey, entry.Mark{Position: 1, Chain: other.Chain, Root: empty}, other)
	putMark(t, log, testKey, entry.Mark{Position: 1, Chain: here.Chain}, here) // of other messages
	putMark(t, log, testKey, entry.Mark{Position: 1, Chain: here.Chain, Root: empty}, here)
	for _, server := range []string{"a", "b"} {
		log.put(t, testKey, entry.Header{
			Kind: entry.KindNote, Server: server, Seen: folded(t, log).Seen(), Note: &entry.Note{},
		}, nil)
	}
	log.set(func(l *handLog) { l.first = 2 })
	for range 5 { // whichever is looked at first
		ready(t, open(t, testConfig(t.TempDir(), "c", log)))
	}
}

// A server is not forgotten for what another one knew before it was made to join again.
func TestForgottenTooLate(t *testing.T) {
	log := begun(t, "a", "c")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	old := folded(t, log).State()
	join(t, log, "b")
	soon(t, "it is read", func() bool { return book.waiters.position().Position == 3 })
	(&passing{reader: &reader{Logbook: book, saved: old}}).forget("c")
	if _, counts := folded(t, log).State().Servers["c"]; !counts {
		t.Error("it is forgotten")
	}
}

// In a log that is nearly full nothing is said that frees nothing.
func TestNotesInAFullLog(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, trimConfig(t.TempDir(), "a", log)))
	log.set(func(l *handLog) { l.most = int64(l.bytes()) })
	asked := func() (n int) { log.set(func(l *handLog) { n = l.asked }); return n }
	soon(t, "the log is full", func() bool { return book.room.percent() >= refuseAt })
	settled := asked()
	soon(t, "what was under way is there", func() bool { return asked() > settled+20 })
	before, settled := log.notes("a"), asked()
	soon(t, "it is asked again", func() bool { return asked() > settled+50 })
	if n := log.notes("a"); n > before+1 {
		t.Errorf("%d notes more", n-before)
	}
}

// A server that reads is not forgotten, however far behind it is.
func TestStill(t *testing.T) {
	var s slow
	for i, step := range []struct {
		server  string
		durable uint64
		still   bool
	}{
		{"c", 1, false}, {"c", 1, false}, {"c", 1, false}, {"c", 1, true}, {"c", 1, true},
		{"c", 2, false}, {"c", 2, false}, {"c", 2, false},
		{"b", 2, false}, {"b", 2, false}, {"b", 2, false}, {"b", 2, true}, {"", 0, false},
	} {
		if got := s.still(step.server, step.durable); got != step.still {
			t.Errorf("look %d: %v", i, got)
		}
	}
}

// What was read last is written down, though no entry follows it: a log that is full gets none.
func TestNewestIsWritten(t *testing.T) {
	log, dir := begun(t, "a"), t.TempDir()
	cfg := testConfig(dir, "a", log)
	cfg.SaveEvery, cfg.NoteEvery = 50*time.Millisecond, time.Hour
	ready(t, open(t, cfg))
	for i := range 5 {
		putMessage(t, log, string(rune('a'+i)))
	}
	soon(t, "the state is written", func() bool {
		state, err := StateOn(dir)
		return err == nil && state.Position == log.last() && state.Messages == 5
	})
}
