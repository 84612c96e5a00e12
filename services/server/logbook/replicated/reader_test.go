package replicated

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// published is a message as another server publishes it.
func published(content string) entry.Header {
	return entry.Header{Kind: entry.KindMessage, Server: "z", Attempt: message.NewID(), Message: &entry.Message{
		Sender: "store-17", ID: message.NewID(), Name: "report.txt", Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256([]byte(content)),
	}}
}

// put adds a message to a log.
func putMessage(t *testing.T, log *handLog, content string) {
	log.put(t, testKey, published(content), []byte(content))
}

func holds(t *testing.T, book *Logbook, n uint64) {
	t.Helper()
	soon(t, "the messages are kept", func() bool { return book.Len() == n })
}

// mixed is a log with two messages, a copy of the first and another one under its id, an
// entry of a stranger, and a message with other content than it says. It returns the first.
func mixed(t *testing.T) (log *handLog, first entry.Header) {
	t.Helper()
	log = begun(t, "a")
	first = published("first")
	log.put(t, testKey, first, []byte("first"))
	log.put(t, testKey, first, []byte("first"))
	other := published("other")
	other.Message.ID = first.Message.ID
	log.put(t, testKey, other, []byte("other"))
	log.put(t, entry.NewKey([]byte("another secret"), testID), published("stray"), []byte("stray"))
	wrong := published("wrong")
	wrong.Message.SHA256[0]++
	log.put(t, testKey, wrong, []byte("wrong"))
	putMessage(t, log, "second")
	return log, first
}

// The first of an id in the log has it, whatever came behind it before anybody had read
// the first. Nothing void has a number.
func TestFirstInTheLog(t *testing.T) {
	log, first := mixed(t)
	dir := t.TempDir()
	book := ready(t, open(t, testConfig(dir, "a", log)))
	holds(t, book, 2)
	d := draftOf(*first.Message)
	facts, err := logbooktest.Append(t.Context(), book, d, []byte("first"))
	if err != nil || facts.Entry.Seq != 0 || facts.Entry.ReceivedAt != log.entries[2].Time {
		t.Errorf("the first: %+v, %v", facts, err)
	}
	d.SHA256 = sha256.Sum256([]byte("other"))
	if _, err := logbooktest.Append(t.Context(), book, d, []byte("other")); !errors.Is(err, logbook.ErrConflict) {
		t.Errorf("the other: %v", err)
	}
}

// An entry that cannot be had stops the server in front of it, and no longer than that.
func TestEntryIsGone(t *testing.T) {
	log := begun(t, "a")
	putMessage(t, log, "one")
	log.forget(3, true)
	putMessage(t, log, "two")
	book := open(t, testConfig(t.TempDir(), "a", log))
	soon(t, "the server says why", func() bool { return errors.Is(book.Ready(), errGone) })
	if _, err := book.Stage(t.Context(), logbooktest.Draft("a", nil)); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("a message is taken: %v", err)
	}
	log.forget(3, false)
	holds(t, ready(t, book), 2)
}

// A message that the volume cannot keep stops the server in front of it: nothing behind it
// gets its number.
func TestEntryCannotBeKept(t *testing.T) {
	log, dir, whole := begun(t, "a"), t.TempDir(), t.TempDir()
	putMessage(t, log, "one")
	book := ready(t, open(t, testConfig(dir, "a", log)))
	holds(t, book, 1)
	foreign := filepath.Join(dir, "logs", logfile.FileName(1))
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"two", "three", "four"} {
		putMessage(t, log, text)
	}
	soon(t, "the server says why", func() bool { return errors.As(book.Ready(), new(*engine.ForeignFileError)) })
	if n := book.Len(); n != 1 {
		t.Errorf("%d messages are kept", n)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	holds(t, ready(t, book), 4)
	holds(t, open(t, testConfig(whole, "b", log)), 4)
	equal(t, whole, dir)
}

// writerFunc hears what is logged.
type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// What waits behind a message that could not be kept does not get its number, though it
// could be kept itself by then.
func TestNothingOvertakes(t *testing.T) {
	log, dir, whole := begun(t, "a"), t.TempDir(), t.TempDir()
	if err := open(t, testConfig(dir, "a", log)).Close(); err != nil { // the volume is there
		t.Fatal(err)
	}
	cfg := testConfig(dir, "a", log)
	cfg.Local.Files = 1 // so that no two messages share a group
	var book *Logbook
	foreign, opened := filepath.Join(dir, "logs", logfile.FileName(1)), make(chan struct{})
	cfg.Local.Watch.Group = func(int) { // after the first: several wait behind the one that fails
		<-opened
		for book.Len() == 1 && book.Queued().Messages < 3 {
			runtime.Gosched()
		}
	}
	cfg.Local.Log = zerolog.New(writerFunc(func(p []byte) { // the committer waits for its line
		if bytes.Contains(p, []byte("group failed")) {
			_ = os.Remove(foreign)
		}
	}))
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		putMessage(t, log, strings.Repeat("x", i))
	}
	book = open(t, cfg)
	close(opened)
	holds(t, book, 10)
	holds(t, open(t, testConfig(whole, "b", log)), 10)
	equal(t, whole, dir)
}

// putLarge adds a message in chunks, which change may alter, and returns where they are.
func putLarge(t *testing.T, log *handLog, change func(i int, h *entry.Header)) []uint64 {
	content := bytes.Repeat([]byte("large"), entry.ChunkSize/2)
	h := published(string(content))
	for i := 0; len(content) > 0; i++ {
		n := min(len(content), entry.ChunkSize)
		c := entry.Header{Kind: entry.KindChunk, Server: "z", Attempt: h.Attempt, Chunk: &entry.Chunk{Index: i}}
		change(i, &c)
		h.Message.Chunks = append(h.Message.Chunks, log.put(t, testKey, c, content[:n]))
		content = content[n:]
	}
	log.put(t, testKey, h, nil)
	return h.Message.Chunks
}

func TestChunks(t *testing.T) {
	log := begun(t, "a")
	chunks := putLarge(t, log, func(int, *entry.Header) {})
	putLarge(t, log, func(i int, h *entry.Header) { h.Attempt[0] += byte(i) })
	putLarge(t, log, func(i int, h *entry.Header) { h.Chunk.Index = 2 - i })
	last := published("last")
	log.put(t, testKey, last, []byte("last"))
	damaged := &damagedLog{handLog: log}
	damaged.gone.Store(chunks[1])
	book := open(t, testConfig(t.TempDir(), "a", damaged))
	soon(t, "the server says why", func() bool {
		return book.Ready() != nil && strings.Contains(book.Ready().Error(), "chunk at")
	})
	damaged.gone.Store(0)
	soon(t, "the last is kept", func() bool {
		_, known, err := book.Lookup(t.Context(), "store-17", last.Message.ID)
		return known && err == nil
	})
	if n := book.Len(); n != 2 {
		t.Errorf("%d messages are kept", n)
	}
}

// damagedLog is a log in which one entry can be read in its turn, and not by its number.
type damagedLog struct {
	*handLog
	gone atomic.Uint64
}

func (l *damagedLog) Get(ctx context.Context, position uint64) (fold.Entry, error) {
	if position == l.gone.Load() {
		return fold.Entry{}, errGone
	}
	return l.handLog.Get(ctx, position)
}

// Settings hold from their entry on, on every server alike, also for one that reads them
// again.
func TestSettingsInTheLog(t *testing.T) {
	log, dir, whole := begun(t, "a"), t.TempDir(), t.TempDir()
	put := func(change func(*entry.Settings)) {
		rules := settings()
		change(&rules)
		last := log.last()
		log.put(t, testKey, entry.Header{Kind: entry.KindSettings, Seen: entry.Seen{Position: last}, Settings: &rules}, nil)
	}
	for i := range 6 {
		putMessage(t, log, strings.Repeat("x", i))
		put(func(s *entry.Settings) { s.Sharded = i%2 == 0 })
		book := ready(t, open(t, testConfig(dir, "a", log)))
		holds(t, book, uint64(i+1))
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, open(t, testConfig(whole, "b", log)), 6)
	equal(t, dir, whole)
	if _, flat := logFiles(t, dir)[logfile.FileName(2)]; !flat {
		t.Error("a message behind flat settings lies in a shard directory")
	}
	if _, sharded := logFiles(t, dir)[logfile.ShardedPath(1)]; !sharded {
		t.Error("a message behind sharded settings does not lie in a shard directory")
	}
}

// A message that was staged under other settings is not kept, and comes again.
func TestSettingsChangeUnderAMessage(t *testing.T) {
	log := begun(t, "a")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	content := []byte("content")
	d := logbooktest.Draft("a", content)
	d.Cipher, d.EncryptedSize = message.Cipher2012, cipher2012.EncryptedLen(uint64(len(content)))
	stage := func() logbook.Staged {
		s, err := logbooktest.Stage(t.Context(), book, d, content)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	staged := stage()
	rules := settings()
	rules.CiphertextMax = 10
	log.put(t, testKey, entry.Header{Kind: entry.KindSettings, Seen: entry.Seen{Position: 2}, Settings: &rules}, nil)
	soon(t, "the settings hold", func() bool { return book.waiters.current().CiphertextMax == 10 })
	if _, err := logbook.Append(t.Context(), staged); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("under the old settings: %v", err)
	}
	if _, err := logbook.Append(t.Context(), stage()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// A server without a majority tells nobody that a message is kept, and reads on.
func TestNoMajority(t *testing.T) {
	log := begun(t, "a", "b", "c")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	note := func(server string, other byte) {
		e, err := log.Get(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		chain := entry.Next(entry.Chain{}, 1, e.Time, e.Data)
		two, err := log.Get(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		chain = entry.Next(chain, 2, two.Time, two.Data)
		chain[0] += other
		log.put(t, testKey, entry.Header{Kind: entry.KindNote, Server: server, Seen: entry.Seen{Position: 2, Chain: chain},
			Note: &entry.Note{}}, nil)
	}
	d := logbooktest.Draft("a", []byte("x"))
	staged, err := logbooktest.Stage(t.Context(), book, d, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	note("b", 1)
	fork := func() bool { return errors.As(book.Ready(), new(*fold.ForkError)) }
	soon(t, "the server says why", fork)
	if _, err := logbook.Append(t.Context(), staged); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("a message is taken: %v", err)
	}
	other := published("of another server")
	log.put(t, testKey, other, []byte("of another server"))
	holds(t, book, 1)
	if _, _, err := book.Lookup(t.Context(), "store-17", other.Message.ID); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("it is looked up: %v", err)
	}
	if _, err := book.Receipt(t.Context(), logbook.Facts{}); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("it has a receipt: %v", err)
	}
	note("c", 0)
	ready(t, book)
	note("c", 1)
	soon(t, "the server says why", fork)
}

// Who waits as the majority is lost is not told that a message is kept.
func TestNobodyIsToldWithoutAMajority(t *testing.T) {
	log := begun(t, "a", "b")
	published := make(chan []byte, 1)
	log.swallow = func(data []byte) (lost, silent bool) {
		select {
		case published <- data:
		default:
		}
		return true, true
	}
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	staged, err := logbooktest.Stage(t.Context(), book, logbooktest.Draft("a", []byte("x")), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	staged.Commit(t.Context(), func(_ logbook.Facts, err error) { heard <- err })
	data := logbooktest.Await(t, "the message is published", published)
	log.put(t, testKey, entry.Header{
		Kind: entry.KindNote, Server: "b", Seen: entry.Seen{Position: 2}, Note: &entry.Note{},
	}, nil)
	log.set(func(l *handLog) { l.add(data) })
	if err := logbooktest.Await(t, "an answer", heard); !errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	holds(t, book, 1)
}

// A log file does not depend on what the server is told of itself.
func TestSettingsUnlikeTheServers(t *testing.T) {
	log, dirs := begun(t, "a", "b"), []string{t.TempDir(), t.TempDir()}
	putMessage(t, log, "x")
	own := testConfig(dirs[0], "a", log)
	own.Local.Zone, own.Local.Sharded, own.Local.CiphertextMax = time.FixedZone("x", 3600), true, 1
	holds(t, open(t, own), 1)
	holds(t, open(t, testConfig(dirs[1], "b", log)), 1)
	equal(t, dirs[0], dirs[1])
}

// A server says up to where it keeps everything, and is heard by the others.
func TestNotes(t *testing.T) {
	log := begun(t, "a", "b")
	putMessage(t, log, "x")
	cfg := testConfig(t.TempDir(), "a", log)
	cfg.NoteEvery = time.Millisecond
	holds(t, open(t, cfg), 1)
	soon(t, "what is noted", func() bool {
		f, err := fold.New(testKey, "b", fold.State{})
		if err != nil {
			t.Fatal(err)
		}
		last := log.last()
		for at := uint64(1); at <= last; at++ {
			e, err := log.Get(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Take(e); err != nil {
				t.Fatal(err)
			}
		}
		return f.State().Servers["a"].Durable >= 3 && f.State().Servers["a"].Seen >= 3 && f.Judge() == nil
	})
}

// What a message may still name is not noted as kept.
func TestNoteOfWhatIsNeeded(t *testing.T) {
	log := begun(t, "a", "b")
	book := ready(t, open(t, testConfig(t.TempDir(), "a", log)))
	book.note(fold.State{Position: 9, Chunks: []fold.OpenChunk{{Position: 5}, {Position: 7}}})
	e, err := log.Get(t.Context(), log.last())
	if err != nil {
		t.Fatal(err)
	}
	if h, _, err := testKey.Open(e.Data); err != nil || h.Note == nil || h.Note.Durable != 4 {
		t.Errorf("noted %+v, %v", h.Note, err)
	}
}

// A state that is damaged costs time alone.
func TestDamagedState(t *testing.T) {
	log, dir := begun(t, "a"), t.TempDir()
	for _, text := range []string{"one", "two"} {
		putMessage(t, log, text)
	}
	book := ready(t, open(t, testConfig(dir, "a", log)))
	holds(t, book, 2)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FoldPath)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	book = ready(t, open(t, testConfig(dir, "a", log)))
	putMessage(t, log, "three")
	holds(t, book, 3)
}
