package local

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/message"
)

// A sender who begins many large messages leaves files to others, whose small
// ones need none of those; and each file is free again after its message.
func TestFilesAreShared(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Files = 16 // so that 8 are for large messages
	book := open(t, cfg)
	for _, want := range []struct {
		sender string
		files  int
	}{{"greedy", 4}, {"greedy, too", 2}, {"third", 1}, {"fourth", 1}, {"fifth", 0}} {
		got := 0
		for hold(t, book, want.sender, 2*smallFile, 0) == nil {
			got++
		}
		if got != want.files {
			t.Errorf("%s got %d files", want.sender, got)
		}
	}
	if s, err := book.Scratch(t.Context(), message.NoSender, 1<<20); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("a scratch beyond the limit: %v, %v", s, err)
	}
	for range cfg.Files {
		if _, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Ready(); err != nil {
		t.Error(err)
	}
}

// Whatever becomes of a message or a scratch, its file is free afterwards.
func TestFilesComeFree(t *testing.T) {
	book := open(t, testConfig(t.TempDir()))
	content := make([]byte, 2*smallFile)
	d := logbooktest.Draft("a", content)
	for range 2 { // kept, then a repeat
		if _, err := logbooktest.Append(t.Context(), book, d, content); err != nil {
			t.Fatal(err)
		}
	}
	wrong := logbooktest.Draft("a", content)
	wrong.SHA256[0]++
	if _, err := logbooktest.Append(t.Context(), book, wrong, content); !errors.Is(err, logbook.ErrMismatch) {
		t.Fatal(err)
	}
	s, err := book.Scratch(t.Context(), "a", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second does nothing
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil { // the committer has closed all
		t.Fatal(err)
	}
	if book.files.open != 0 || len(book.files.of) != 0 || book.space.held != 0 || book.space.promised != 0 {
		t.Errorf("open %d, %v; held %d, promised %d", book.files.open, book.files.of, book.space.held, book.space.promised)
	}
}

// A group has no more messages than there are descriptors for.
func TestGroupsFitTheDescriptors(t *testing.T) {
	for descriptors, want := range map[int]int{MostFiles: maxGroup, 2 * MostFiles: maxGroup, 240: 60, 16: 4, 1: 1} {
		if got := groupSize(descriptors); got != want {
			t.Errorf("with %d descriptors a group has %d messages", descriptors, got)
		}
	}
}

// However many small messages wait, the files of two groups are open.
func TestManySmallMessagesFitTheDescriptors(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Files = 16
	var made, named, most atomic.Int64
	cfg.Fault = func(s Step) error {
		switch staged := strings.HasPrefix(s.Name, stagingDir+"/"+stagedPrefix); {
		case staged && s.Op == OpCreate:
			most.Store(max(most.Load(), made.Add(1)-named.Load()))
		case staged && s.Op == OpRename:
			named.Add(1)
		}
		return nil
	}
	openBurst(t, cfg, 20, func(*Logbook) {})
	if n := most.Load(); n > int64(cfg.Files/2) {
		t.Errorf("%d files were open", n)
	}
}

// A group that failed sets the ids of all its messages free at once for those that
// waited for them. The next group has no more of them than there are descriptors
// for; the others wait on.
func TestGroupAfterAFailedOneFits(t *testing.T) {
	book := open(t, testConfig(t.TempDir()))
	defer closeBook(t, book)
	const most = 4
	var free []*staged
	for range most + 2 {
		s := stage(t, book, logbooktest.Draft("a", nil), nil).(*staged)
		s.then = func(logbook.Facts, error) {}
		free = append(free, s)
	}
	fresh := book.settleRepeats(free, most)
	if len(fresh) != most || len(book.later) != 2 {
		t.Errorf("%d are in the group, %d wait", len(fresh), len(book.later))
	}
	fail(fresh, logbook.ErrUnavailable)
}
