//go:build linux

package watch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"
)

// deadline is far above what an event takes to come.
const deadline = time.Minute

func await(t *testing.T, w *Watch) {
	t.Helper()
	select {
	case <-w.Again():
	case <-time.After(deadline):
		t.Fatal("no look was asked for")
	}
}

func put(t *testing.T, dir, name string) {
	t.Helper()
	hidden := filepath.Join(dir, "."+name)
	if err := os.WriteFile(hidden, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// see adds what a look finds: files, below all directories, each watched before
// it is read.
func see(t *testing.T, w *Watch, dir string, seen map[string]bool) {
	t.Helper()
	w.Add(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			see(t, w, path, seen)
		case !strings.HasPrefix(e.Name(), "."):
			seen[path] = true
		}
	}
}

// A burst is a few looks, and after the last of them nothing is missing, in new
// directories either: without a single look that nobody asked for.
func TestBurst(t *testing.T) {
	const files = 10_000
	dir := t.TempDir()
	w := New(zerolog.Nop())
	defer w.Close()
	seen := make(map[string]bool)
	see(t, w, dir, seen)
	begun := time.Now()
	var putting sync.WaitGroup
	putting.Go(func() {
		for i := range files {
			in := dir
			if i%10 == 0 { // and all that follow go there as well, while it is looked at
				in = filepath.Join(dir, fmt.Sprint("sub", i/1000), "deeper")
				if err := os.MkdirAll(in, 0o700); err != nil {
					t.Error(err)
				}
			}
			put(t, in, fmt.Sprint(i))
		}
	})
	looks := 0
	for ; len(seen) < files; looks++ {
		await(t, w)
		see(t, w, dir, seen)
	}
	putting.Wait()
	if most := int(time.Since(begun)/gap) + 2; looks > most {
		t.Errorf("%d looks, at most %d were due", looks, most)
	}
	t.Logf("%d files, %d looks", files, looks)
}

// A directory that took another's place is watched once it was looked at.
func TestExchangedDirectory(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	w := New(zerolog.Nop())
	defer w.Close()
	see(t, w, dir, map[string]bool{})
	if err := os.Rename(sub, filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	await(t, w)
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	await(t, w)
	seen := make(map[string]bool)
	see(t, w, dir, seen)
	put(t, sub, "message")
	for !seen[filepath.Join(sub, "message")] {
		await(t, w)
		see(t, w, dir, seen)
	}
}

// feed runs a Watch on events of the test's own.
func feed(t *testing.T) (*Watch, chan<- fsnotify.Event, chan<- error) {
	w, events, lost := newWatch(zerolog.Nop()), make(chan fsnotify.Event), make(chan error)
	w.running.Go(func() { w.run(events, lost) })
	t.Cleanup(func() { close(events); w.Close() })
	return w, events, lost
}

// Events that were lost are made good by a look.
func TestOverflow(t *testing.T) {
	w, _, lost := feed(t)
	lost <- fsnotify.ErrEventOverflow
	await(t, w)
}

// What cannot be a new message asks for no look.
func TestNoNeedlessLooks(t *testing.T) {
	w := newWatch(zerolog.Nop())
	w.watched["dir/sub"], w.watched["dir/sub/deeper"] = true, true
	for name, e := range map[string]fsnotify.Event{
		"grows":       {Name: "dir/growing", Op: fsnotify.Write},
		"mode":        {Name: "dir/message", Op: fsnotify.Chmod},
		"hidden":      {Name: "dir/.hidden", Op: fsnotify.Create},
		"is taken":    {Name: "dir/message", Op: fsnotify.Rename},
		"was removed": {Name: "dir/message", Op: fsnotify.Remove},
	} {
		if w.matters(e) {
			t.Errorf("%s: a look is asked for", name)
		}
	}
	if !w.matters(fsnotify.Event{Name: "dir/sub", Op: fsnotify.Rename}) || len(w.watched) > 0 {
		t.Errorf("a directory that is gone is watched: %v", w.watched)
	}
	if !w.matters(fsnotify.Event{Name: "dir/message", Op: fsnotify.Create}) {
		t.Error("no look for a new name")
	}
}

// Where not all is told of, the pause is short, and the reason is said once.
func TestPause(t *testing.T) {
	var log bytes.Buffer
	w := New(zerolog.New(&log))
	defer w.Close()
	w.tellsAll = func(path string) bool { return path != "/proc" }
	w.most = 1
	dir := t.TempDir()
	w.Add(dir)
	if w.Pause() != seldom || log.Len() > 0 {
		t.Errorf("pause %v, log %s", w.Pause(), log.String())
	}
	later := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.untold = w.untold.Add(-2 * seldom)
	}
	for _, c := range []struct {
		most int
		path string
		why  string
	}{{1, t.TempDir(), errMost.Error()}, {2, "/proc", errKind.Error()}, {3, "/missing", "no such file"}} {
		w.most = c.most
		for range 3 {
			w.Add(c.path)
		}
		if n := strings.Count(log.String(), c.why); w.Pause() != often || n != 1 {
			t.Errorf("%s: pause %v, said %d times in %s", c.why, w.Pause(), n, log.String())
		}
		later()
		if w.Add(dir); w.Pause() != seldom {
			t.Errorf("%s: pause %v after it was so last", c.why, w.Pause())
		}
	}
}

// A network file system, or one of unknown kind, is changed behind the kernel's
// back.
func TestKinds(t *testing.T) {
	for path, want := range map[string]bool{"/dev/shm": true, "/proc": false, "/missing": false} {
		if tellsAll(path) != want {
			t.Errorf("%s: tells all is not %v", path, want)
		}
	}
}

// Without watches there is polling.
func TestNoWatches(t *testing.T) {
	var log bytes.Buffer
	w := newWatch(zerolog.New(&log))
	w.missing(errors.New("too many open files"))
	w.Add(t.TempDir())
	if w.Pause() != often || !strings.Contains(log.String(), "too many open files") {
		t.Errorf("pause %v, log %s", w.Pause(), log.String())
	}
	w.Close()
}
