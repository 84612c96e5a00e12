package local

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/room"
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
		for got < cfg.Files && hold(t, book, want.sender, 2*smallFile, 0) == nil {
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
	files, senders := book.files.Open()
	if held := book.space.Account(); files != 0 || senders != 0 || held != (room.Account{}) {
		t.Errorf("%d files of %d senders are open, held are %+v", files, senders, held)
	}
}

// openFiles counts the files of messages that are open.
type openFiles struct {
	mu        sync.Mutex
	now, most int
}

func (o *openFiles) fault(s disk.Step) error {
	if !strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch s.Op {
	case disk.OpCreate:
		o.now++
		o.most = max(o.most, o.now)
	case disk.OpRename, disk.OpRemove:
		o.now--
	}
	return nil
}

func (o *openFiles) counts() (now, most int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now, o.most
}

// However many small messages wait, the files of two groups are open.
func TestManySmallMessagesFitTheDescriptors(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Files = 16
	var files openFiles
	cfg.seams.Fault = files.fault
	openBurst(t, cfg, 20, func(*Logbook) {})
	if _, most := files.counts(); most > cfg.Files/2 {
		t.Errorf("%d files were open", most)
	}
}

// A group that failed sets the ids of all its messages free at once for those that
// waited for them, and so does what was written meanwhile. The next group has no
// more of them than there are descriptors for.
func TestGroupAfterAFailedOneFits(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Files = 16
	var files openFiles
	cfg.seams.Fault = files.fault
	book := openStuck(t, cfg)
	var wait []func() (logbook.Facts, error)
	bring := func(d logbook.Draft) { wait = append(wait, handOver(t.Context(), stage(t, book.Logbook, d, nil))) }
	var drafts []logbook.Draft
	for range 12 { // the first is in the group, the others in the next one, as far as it reaches
		drafts = append(drafts, logbooktest.Draft("a", nil))
	}
	bring(drafts[0])
	logbooktest.Await(t, "the flush", book.flushing)
	for range 3 {
		for _, d := range drafts {
			bring(d)
		}
	}
	full := func() bool { now, _ := files.counts(); return now > room.GroupSize(cfg.Files) }
	logbooktest.Soon(t, "the next group is full", full)
	book.fail(unix.EMFILE)
	for i, w := range wait {
		if _, err := w(); err != nil && !errors.Is(err, logbook.ErrUnavailable) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	_, most := files.counts()
	if n := book.Len(); n != uint64(len(drafts)) || most > cfg.Files/2 {
		t.Errorf("%d messages are kept, %d files were open", n, most)
	}
}
