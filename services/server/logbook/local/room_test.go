package local

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/room"
	"sealpost/services/server/logbook/logbooktest"
)

func TestNoRoom(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.MaxStaged = 8000
	book := open(t, cfg)
	d := logbooktest.Draft("a", make([]byte, 9000))
	if _, err := book.Stage(t.Context(), d); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("got %v", err)
	}
	if err := book.Ready(); err != nil {
		t.Errorf("one message too many turned readiness red: %v", err)
	}
	small := logbooktest.Draft("a", []byte("x"))
	if _, err := logbooktest.Append(t.Context(), book, small, []byte("x")); err != nil {
		t.Error(err)
	}
}

// Running out of descriptors is told to the sender and says nothing of the disk.
func TestNoDescriptors(t *testing.T) {
	cfg := testConfig(t.TempDir())
	out := false
	cfg.seams.Fault = func(s disk.Step) error {
		if out && s.Op == disk.OpCreate {
			return unix.EMFILE
		}
		return nil
	}
	book := open(t, cfg)
	out = true
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	if !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := book.Ready(); err != nil {
		t.Errorf("readiness turned red: %v", err)
	}
}

// A foreign file that comes into a number's place at the last moment is not
// replaced: the message waits until it is gone.
func TestForeignFileAtTheLastMoment(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	put := sync.OnceFunc(func() {
		write(t, filepath.Join(cfg.Dir, disk.LogsDir, "server_message0.txt"), "foreign")
	})
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpRename && filepath.Dir(s.To) == disk.LogsDir && filepath.Base(s.To) == "server_message0.txt" {
			put()
		}
		return nil
	}
	book := open(t, cfg)
	done := make(chan error, 1)
	go func() {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		done <- err
	}()
	foreign := book.vol.Logs("server_message0.txt")
	red := func() bool { return book.Ready() != nil || len(done) > 0 }
	if !logbooktest.Soon(t, "readiness turns red, or it is replaced", red) {
		t.FailNow()
	}
	if got := string(read(t, foreign)); got != "foreign" {
		t.Errorf("the foreign file now holds %q", got)
	}
	remove(t, foreign)
	if err := logbooktest.Await(t, "the answer", done); err != nil || book.Len() != 1 {
		t.Errorf("%d messages, %v", book.Len(), err)
	}
}

// A scratch, whose size nobody knows, holds what it has and a step more, for its
// sender.
func TestScratchTakesRoom(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.MaxStaged = 4 << 20
	book := open(t, cfg)
	s, err := book.Scratch(t.Context(), "a", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wrote := 0
	for part := make([]byte, 64<<10); err == nil; wrote += len(part) {
		if held := book.space.Account().Held; held < uint64(wrote) || held > uint64(wrote)+room.Step {
			t.Fatalf("%d bytes hold %d", wrote, held)
		}
		_, err = s.Write(part)
	}
	if !errors.Is(err, logbook.ErrNoSpace) || wrote < 3<<20 || wrote > 5<<20 {
		t.Errorf("%d bytes, then %v", wrote, err)
	}
	if _, err := book.space.Open("b", 4<<20); err == nil || s.LeastRate() == 0 {
		t.Errorf("it may take any time, beside one who is refused: %v", err)
	}
}
