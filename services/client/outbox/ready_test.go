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

// A file whose writers nobody can see goes once it has not changed for a time:
// by its own time of change, or by what was seen of it.
func TestSettled(t *testing.T) {
	const long = 2 * time.Second
	now := time.Now()
	for name, c := range map[string]struct {
		age      time.Duration // of its time of change at the first look
		change   func(path string) error
		after    time.Duration // until the second look
		at1, at2 bool
	}{
		"old":             {age: long, at1: true, at2: true},
		"fresh":           {after: long, at2: true},
		"too early":       {after: long - 1},
		"from the future": {age: -time.Hour, after: long, at2: true},
		"grows": {after: time.Hour,
			change: func(p string) error { return os.WriteFile(p, []byte("more"), 0o644) }},
		"grows, from the future": {age: -9 * time.Hour, after: time.Hour,
			change: func(p string) error { return os.Truncate(p, 9) }},
		"is replaced": {age: -time.Hour, after: time.Hour, change: func(p string) error {
			if err := os.WriteFile(p+"2", []byte("m"), 0o644); err != nil {
				return err
			}
			at := now.Add(time.Hour)
			if err := os.Chtimes(p+"2", at, at); err != nil {
				return err
			}
			return os.Rename(p+"2", p)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "message")
			if err := os.WriteFile(path, []byte("m"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, now.Add(-c.age)); err != nil {
				t.Fatal(err)
			}
			var l looks
			look := func(at time.Time) bool {
				info, err := os.Lstat(path)
				if err != nil {
					t.Fatal(err)
				}
				return l.unchanged("message", info, at, long)
			}
			if got := look(now); got != c.at1 {
				t.Errorf("settled at once: %v", got)
			}
			if c.change != nil {
				if err := c.change(path); err != nil {
					t.Fatal(err)
				}
				// As late as the change itself, whose time is the file system's.
				if err := os.Chtimes(path, time.Time{}, now.Add(c.after)); err != nil {
					t.Fatal(err)
				}
			}
			if got := look(now.Add(c.after)); got != c.at2 {
				t.Errorf("settled later: %v", got)
			}
		})
	}
}

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
		if _, err := o.scan(); err != nil {
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
		if _, err := o.scan(); err != nil {
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
	if n, err := Waiting(b.dir, cfg.Ignore); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	if n, err := Waiting(b.dir, nil); n != 3 || err != nil {
		t.Errorf("%d wait with no name ignored, %v", n, err)
	}
}
