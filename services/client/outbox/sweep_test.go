package outbox

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// newSweep is that of an outbox in which there are n files.
func newSweep(t *testing.T, n int) (*sweep, func(name string)) {
	t.Helper()
	dir := durabletest.MemoryDir(t)
	put := func(name string) {
		if err := unix.Mknod(filepath.Join(dir, name), unix.S_IFREG|0o644, 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		put(fmt.Sprintf("message %06d", i))
	}
	b, err := box.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return &sweep{box: b, late: -1}, put
}

// A file that is put in while very many wait does not wait for their end. There are
// several, since each alone may seem to be known, once in some 1,600 runs.
func TestLateFileDoesNotWaitForAll(t *testing.T) {
	s, put := newSweep(t, 20*part)
	t.Cleanup(s.close)
	for n := 0; ; n++ {
		names, ended, err := s.next(part)
		if err != nil || ended {
			t.Fatalf("the sweep came to its end first, or failed: %v", err)
		}
		if n == 3 {
			for i := range 4 {
				put(fmt.Sprint("late ", i))
			}
		}
		for _, name := range names {
			if strings.HasPrefix(name, "late") {
				return
			}
		}
	}
}

// Of 200,000 files so many are known at a time as are claimed together, and the
// memory that they take does not grow with them.
func TestMemoryIsNotTheOutboxs(t *testing.T) {
	const files = 200_000
	s, _ := newSweep(t, files)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, seen := heap(), make([]bool, files)
	for ended, n := false, 0; !ended; n++ {
		var names []string
		var err error
		if names, ended, err = s.next(group.Most); err != nil || len(names) > group.Most {
			t.Fatalf("%d names at once, %v", len(names), err)
		}
		s.late = 1 << 62 // one look is enough
		for _, name := range names {
			i, err := strconv.Atoi(strings.TrimPrefix(name, "message "))
			if err != nil {
				t.Fatal(err)
			}
			seen[i] = true
		}
		if n == 100 {
			if now := heap(); now > before+4<<20 {
				t.Errorf("%d KiB more are held", (now-before)>>10)
			}
		}
	}
	for i, ok := range seen {
		if !ok {
			t.Fatalf("file %d is passed over", i)
		}
	}
}

// A name that is put in again while its first file is sent is another message.
func TestSameNameAgain(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "first"})
	cfg := b.config()
	put := false
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if !put {
			put = true
			b.put(map[string]string{"message": "second"})
		}
		return b.ledger.deliver(ctx, m)
	}
	if out := b.run(cfg); out.Sent != 2 || len(b.sent()) != 2 {
		t.Errorf("outcome %+v, sent %v", out, b.sent())
	}
	if rows := b.ledger.rows(t); len(rows) != 2 || rows[0] == rows[1] {
		t.Errorf("accepted %q", rows)
	}
	b.empty(box.Sending)
}

// A client that stays sees files in directories that are made later.
func TestWatchSeesNewDirectories(t *testing.T) {
	b := newBench(t)
	cfg := b.recursive()
	cfg.Watch = true
	cfg.poll = 1
	sent := make(chan string)
	cfg.Settled = func(r Result) { sent <- r.Name }
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, cfg)
		done <- err
	}()
	files := map[string]string{"a/one": "1", "a/b/two": "2"}
	for _, name := range []string{"a/one", "a/b/two"} {
		b.put(map[string]string{name: files[name]})
		if got := <-sent; got != name {
			t.Errorf("sent %q, want %q", got, name)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.onlySent(files, message.None)
}
