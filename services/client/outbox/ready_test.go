package outbox

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/message"
)

// A client that gets no lease waits for the file of another user while it may
// still grow, and does not leave it behind.
func TestFileOfAnotherUser(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"message": "ha"})
	p := b.spawn(plan{UID: otherUser, Settle: time.Hour, Log: true})
	p.await(t, "being written")
	path := filepath.Join(b.dir, "message")
	if err := os.WriteFile(path, []byte("half and half"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if p.killed(t) {
		t.Error("killed")
	}
	b.accepted(map[string]string{"message": "half and half"}, message.None)
}

// A clock that jumped back leaves files with a time to come. They wait as long
// as others do.
func TestFileFromTheFuture(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"message": "m"})
	at := time.Now().Add(1000 * time.Hour)
	if err := os.Chtimes(filepath.Join(b.dir, "message"), at, at); err != nil {
		t.Fatal(err)
	}
	if b.spawn(plan{UID: otherUser, Settle: 50 * time.Millisecond}).killed(t) {
		t.Error("killed")
	}
	b.accepted(map[string]string{"message": "m"}, message.None)
}

// What is not a regular file is named once, and again when it is there anew.
func TestOddThingsAreNamed(t *testing.T) {
	b := newBench(t)
	b.mkdir("directory")
	if err := os.Symlink("directory", filepath.Join(b.dir, "link\x1b")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(b.dir)
	ln, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var log bytes.Buffer
	cfg := b.config()
	cfg.Log = zerolog.New(&log)
	o, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := o.look(false); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`"name":"directory","is":"a directory"`, `"name":"link\\x1b","is":"a symbolic link"`,
		`"name":"pipe","is":"a named pipe"`, `"name":"socket","is":"a socket"`,
	} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%s stands %d times in\n%s", want, n, log.String())
		}
	}
	lines := strings.Count(log.String(), "\n")
	for _, there := range []bool{false, true} {
		if there {
			b.mkdir("directory")
		} else if err := os.Remove(filepath.Join(b.dir, "directory")); err != nil {
			t.Fatal(err)
		}
		if _, err := o.look(false); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "\n"); lines != 4 || n != 5 {
		t.Errorf("%d lines, then %d:\n%s", lines, n, log.String())
	}
}

// Names under which programs write are left alone, and counted.
func TestIgnoredNames(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"a.part": "half", "B.TMP": "half", "~$c": "lock", "part": "p", "d.part.txt": "d"})
	cfg := b.config()
	cfg.Ignore = []string{"*.part", "*.tmp", "~$*"}
	said := count(&cfg, `"files":3`)
	out := b.run(cfg)
	if out.Ignored != 3 || said.lines[`"files":3`] != 1 {
		t.Errorf("outcome %+v, said %v", out, said.lines)
	}
	b.accepted(map[string]string{"part": "p", "d.part.txt": "d"}, message.None)
	if n, err := Waiting(b.dir, cfg.Ignore, false); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	if n, err := Waiting(b.dir, nil, false); n != 3 || err != nil {
		t.Errorf("%d wait with no name ignored, %v", n, err)
	}
}
