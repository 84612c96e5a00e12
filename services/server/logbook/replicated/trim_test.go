package replicated

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
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
	log.put(t, testKey, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 2},
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
	soon(t, "the server is told", func() bool { return errors.Is(away.Ready(), errStrange) })
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
	r.came(1000)
	if got := r.percent(); got != 0 {
		t.Errorf("a log without a limit is full by %d percent", got)
	}
	r.asked(stream.Info{Bytes: 500, MaxBytes: 1000})
	if got := r.percent(); got != 50 {
		t.Errorf("%d percent, as it says", got)
	}
	r.came(300)
	r.came(150)
	if got := r.percent(); got != 95 {
		t.Errorf("%d percent, with what came", got)
	}
	r.asked(stream.Info{Bytes: 100, MaxBytes: 1000})
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

// A server begins where the log does, at a mark that says so of itself.
func TestMarkAt(t *testing.T) {
	log := newHandLog()
	mark := func(key entry.Key, position, number uint64, chain byte) {
		body, err := json.Marshal(fold.State{Position: position, Chain: entry.Chain{1}})
		if err != nil {
			t.Fatal(err)
		}
		log.put(t, key, entry.Header{Kind: entry.KindMark, Mark: &entry.Mark{
			Position: position, Chain: entry.Chain{chain}, Number: number,
		}}, body)
	}
	for range 9 {
		putMessage(t, log, "x")
	}
	mark(entry.NewKey([]byte("another secret"), testID), 9, 1, 1)
	mark(testKey, 7, 2, 1)
	mark(testKey, 9, 3, 2)
	mark(testKey, 9, 4, 1)
	mark(testKey, 9, 5, 1)
	log.set(func(l *handLog) { l.first = 10 })
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{Logbook: &Logbook{cfg: Config{Log: log}, key: testKey, ctx: t.Context()}}
	if got, state, err := r.markAt(info); err != nil || got.Number != 4 || state.Position != 9 {
		t.Errorf("got %+v, %+v, %v", got, state, err)
	}
}
