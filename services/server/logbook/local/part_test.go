package local

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/room"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/parts"
)

const testStep = 64 << 10

// keeping is a logbook that keeps parts of small messages.
func keeping(dir string) Config {
	cfg := testConfig(dir)
	cfg.KeepParts, cfg.PartStep = 24*time.Hour, testStep
	return cfg
}

// long is a message of so many steps and a half.
func long(sender string, steps int) (logbook.Draft, []byte) {
	content := make([]byte, steps*testStep+testStep/2)
	random := rand.NewChaCha8([32]byte{byte(steps)})
	_, _ = random.Read(content)
	return logbooktest.Draft(sender, content), content
}

// cutOff brings a message up to a byte and breaks off there.
func cutOff(t *testing.T, book *Logbook, d logbook.Draft, content []byte, to int) {
	t.Helper()
	s := goOn(t, book, d, content, to)
	s.Suspend()
	s.Suspend() // does nothing
}

// goOn stages a message, compares what is there, and writes up to a byte.
func goOn(t *testing.T, book *Logbook, d logbook.Draft, content []byte, to int) logbook.Staged {
	t.Helper()
	s, err := book.Stage(t.Context(), d)
	check(t, err)
	kept := s.Kept()
	check(t, s.Compare(content[:kept], 0))
	if kept < uint64(to) {
		_, err = s.Write(content[kept:to])
		check(t, err)
	}
	return s
}

// finish brings a message to its end, and checks its log file.
func finish(t *testing.T, book *Logbook, d logbook.Draft, content []byte) {
	t.Helper()
	s := goOn(t, book, d, content, len(content))
	facts, err := logbook.Append(t.Context(), s)
	check(t, err)
	text := read(t, filepath.Join(book.cfg.Dir, "logs", facts.Entry.File))
	if sha256.Sum256(text) != facts.Entry.FileSHA256 || !bytes.Contains(text, content) {
		t.Error("the log file is another one than its line says")
	}
	wantNothingLeft(t, book)
}

// onTheirWay are the files of messages on their way in, and of parts.
func onTheirWay(t *testing.T, dir string) []string {
	return slices.DeleteFunc(staging(t, dir), func(name string) bool { return strings.HasSuffix(name, disk.NewSuffix) })
}

func wantNothingLeft(t *testing.T, book *Logbook) {
	t.Helper()
	if left := onTheirWay(t, book.cfg.Dir); len(left) > 0 {
		t.Errorf("staging has %q", left)
	}
	if held := book.space.Account(); held != (room.Account{}) {
		t.Errorf("held are %+v", held)
	}
	files, _ := book.files.Open()
	if h := book.shelf; len(h.parts)+len(h.under) > 0 || h.bytes != 0 || files != 0 {
		t.Errorf("%d parts, %d messages under way, %d files", len(h.parts), len(h.under), files)
	}
}

func wantKept(t *testing.T, book *Logbook, d logbook.Draft, want int) {
	t.Helper()
	s, err := book.Stage(t.Context(), d)
	check(t, err)
	defer s.Suspend()
	if got := s.Kept(); got != uint64(want) {
		t.Errorf("%d bytes are kept, want %d", got, want)
	}
}

// A message that is cut off again and again, also by restarts, goes on where its
// last whole step ended.
func TestPartGoesOn(t *testing.T) {
	cfg := keeping(t.TempDir())
	var held atomic.Uint64
	cfg.PartsHeld = held.Store
	d, content := long("a", 6)
	book := open(t, cfg)
	cutOff(t, book, d, content, testStep-1)
	wantNothingLeft(t, book) // there is no step yet
	for i, to := range []int{testStep + 10, testStep + 20, 3*testStep - 1, 3 * testStep, 6*testStep + 1} {
		cutOff(t, book, d, content, to)
		kept := to / testStep * testStep
		wantKept(t, book, d, kept)
		if n := held.Load(); n < uint64(kept) || n > uint64(kept)+4*room.Blocks(1) {
			t.Errorf("%d bytes are held for %d", n, kept)
		}
		if i%2 == 0 {
			closeBook(t, book)
			book = open(t, cfg)
			wantKept(t, book, d, kept)
		}
	}
	finish(t, book, d, content)
	if held.Load() != 0 {
		t.Errorf("%d bytes are still held", held.Load())
	}
}

// What lies on the disk while a message comes is enough for the next server: it
// need not have been ended in order.
func TestPartOfAKilledServer(t *testing.T) {
	cfg := keeping(t.TempDir())
	d, content := long("a", 4)
	book := open(t, cfg)
	s := goOn(t, book, d, content, len(content)-1)
	s.(*staged).mu.Lock()
	check(t, s.(*staged).saver.wait())
	s.(*staged).mu.Unlock()
	copied := keeping(t.TempDir())
	check(t, os.CopyFS(copied.Dir, os.DirFS(cfg.Dir)))
	next := open(t, copied)
	wantKept(t, next, d, 4*testStep)
	finish(t, next, d, content)
	s.Discard()
	wantNothingLeft(t, book)
}

// A later offer of the same content takes what has come, and the one before it
// hears so whatever it does.
func TestPartIsTaken(t *testing.T) {
	book := open(t, keeping(t.TempDir()))
	d, content := long("a", 3)
	first := goOn(t, book, d, content, 2*testStep+5)
	second := goOn(t, book, d, content, 3*testStep)
	if second.Kept() != 2*testStep {
		t.Errorf("%d bytes were kept", second.Kept())
	}
	if _, err := first.Write(content[:1]); !errors.Is(err, logbook.ErrTaken) {
		t.Errorf("then Write: %v", err)
	}
	if err := first.Compare(content[:1], 0); !errors.Is(err, logbook.ErrTaken) || first.LeastRate() != 0 {
		t.Errorf("then Compare: %v", err)
	}
	if _, err := logbook.Append(t.Context(), first); !errors.Is(err, logbook.ErrTaken) {
		t.Errorf("then Commit: %v", err)
	}
	first.Discard()
	_, err := second.Write(content[3*testStep:])
	check(t, err)
	_, err = logbook.Append(t.Context(), second)
	check(t, err)
	wantNothingLeft(t, book)
}

// Many who bring the same message at once neither stop each other nor mix their
// bytes; in the end it is kept, once.
func TestPartIsWantedByMany(t *testing.T) {
	book := open(t, keeping(t.TempDir()))
	d, content := long("a", 4)
	bring := func(random *rand.Rand) error {
		s, err := book.Stage(t.Context(), d)
		if err != nil {
			return err
		}
		defer s.Suspend()
		kept := s.Kept()
		if err := s.Compare(content[:kept], 0); err != nil {
			return err
		}
		for piece := range slices.Chunk(content[kept:], 10_000) {
			if random.IntN(30) == 0 {
				return errInjected
			}
			if _, err := s.Write(piece); err != nil {
				return err
			}
		}
		_, err = logbook.Append(t.Context(), s)
		return err
	}
	var senders sync.WaitGroup
	for n := range uint64(4) {
		senders.Go(func() {
			random := rand.New(rand.NewPCG(n, 1))
			for err := errInjected; err != nil; {
				if err = bring(random); err != nil && !errors.Is(err, errInjected) && !errors.Is(err, logbook.ErrTaken) {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	facts, found, err := book.Lookup(t.Context(), d.Sender, d.ID)
	if err != nil || !found || book.Len() != 1 {
		t.Errorf("%d messages are kept, %v", book.Len(), err)
	}
	if text := read(t, filepath.Join(book.cfg.Dir, "logs", facts.Entry.File)); !bytes.Contains(text, content) {
		t.Error("another message is kept")
	}
	wantNothingLeft(t, book)
}

// A message for which there is no room may be wanted by another session already,
// which ends it then.
func TestPartIsWantedWithoutRoom(t *testing.T) {
	book := open(t, keeping(t.TempDir()))
	d, content := long("a", 3)
	var first *staged
	other, begun := long("b", 3)
	cutOff(t, book, other, begun, 2*testStep) // which could go for its sake
	most, evict := book.space.Limit, book.space.Evict
	book.space.Limit, book.space.Evict = 4*testStep, func() bool {
		book.shelf.mu.Lock()
		defer book.shelf.mu.Unlock()
		first = book.shelf.under[d]
		return false
	}
	if _, err := book.Stage(t.Context(), d); !errors.Is(err, logbook.ErrNoSpace) || first == nil {
		t.Fatalf("without room: %v, %v", first, err)
	}
	first.Suspend()
	book.space.Limit, book.space.Evict = most, evict
	finish(t, book, other, begun)
	finish(t, book, d, content)
}

// Only the same content of the same sender under the same id goes on, and only
// where nothing is enciphered.
func TestPartIsOfOneMessage(t *testing.T) {
	book := open(t, keeping(t.TempDir()))
	d, content := long("a", 3)
	cutOff(t, book, d, content, 2*testStep)
	for name, alter := range map[string]func(*logbook.Draft){
		"sender": func(d *logbook.Draft) { d.Sender = "b" }, "id": func(d *logbook.Draft) { d.ID[0]++ },
		"name": func(d *logbook.Draft) { d.Name = "other" }, "content": func(d *logbook.Draft) { d.SHA256[0]++ },
		"size": func(d *logbook.Draft) { d.Size++ },
	} {
		other := d
		alter(&other)
		s, err := book.Stage(t.Context(), other)
		check(t, err)
		if s.Kept() != 0 {
			t.Errorf("of another %s %d bytes are kept", name, s.Kept())
		}
		s.Discard()
	}
	wantKept(t, book, d, 2*testStep)
	finish(t, book, d, content)
}

// A part whose time is over goes by itself.
func TestPartGoesInTime(t *testing.T) {
	cfg := keeping(t.TempDir())
	cfg.KeepParts = 50 * time.Millisecond
	book := open(t, cfg)
	d, content := long("a", 3)
	cutOff(t, book, d, content, 2*testStep)
	logbooktest.Soon(t, "the part goes", func() bool { return len(onTheirWay(t, cfg.Dir)) == 0 })
	finish(t, book, d, content)
}

// Names of the states and of the staged file belong together.
func TestPartNames(t *testing.T) {
	name := stagedName()
	if states := parts.NameOf(name); states == name || parts.StagedOf(states) != name {
		t.Errorf("%s and %s", name, states)
	}
}
