package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/message"
)

const bindMount = unix.MS_BIND

// mount is undone at the test's end, or by the function that comes back.
func mount(t *testing.T, what, at, kind string, flags uintptr) (undo func()) {
	t.Helper()
	needRoot(t)
	if err := unix.Mount(what, at, kind, flags, ""); err != nil {
		t.Fatal(err)
	}
	done := false
	undo = func() {
		if !done {
			done = true
			if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(undo)
	return undo
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
		t.Fatal("needs root")
	}
	t.Skip("needs root: to mount, and to run as other users")
}

// everything lists what lies in the outbox, with contents.
func (b bench) everything() []string {
	b.Helper()
	var found []string
	err := filepath.WalkDir(b.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		text := path + " " + e.Type().String()
		if e.Type().IsRegular() {
			text += " " + readFile(b.T, path)
		}
		found = append(found, text)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return found
}

func (b bench) mkdir(parts ...string) string {
	b.Helper()
	path := filepath.Join(append([]string{b.dir}, parts...)...)
	if err := os.MkdirAll(path, 0o755); err != nil {
		b.Fatal(err)
	}
	return path
}

// An outbox where no message could be brought to its end is refused before
// anything is claimed, and left as it is.
func TestBrokenPlacesAreFoundFirst(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, b bench, place string){
		"a link to a directory": func(t *testing.T, b bench, place string) {
			if err := os.Symlink(t.TempDir(), filepath.Join(b.dir, place)); err != nil {
				t.Fatal(err)
			}
		},
		"a file": func(t *testing.T, b bench, place string) {
			if err := os.WriteFile(filepath.Join(b.dir, place), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"another file system": func(t *testing.T, b bench, place string) {
			mount(t, "tmpfs", b.mkdir(place), "tmpfs", 0)
		},
		"a mount of the same file system": func(t *testing.T, b bench, place string) {
			b.mkdir(box.Sending)
			b.mkdir(box.Sent)
			b.mkdir(box.Refused)
			mount(t, t.TempDir(), b.mkdir(place), "", bindMount)
		},
	} {
		for _, place := range box.Places {
			t.Run(name+" as "+place, func(t *testing.T) {
				b := newBench(t)
				b.put(map[string]string{"message": "m"})
				spoil(t, b, place)
				b.untouched(filepath.Join(b.dir, place))
			})
		}
	}
}

// untouched: a run ends with a *DirError about a path, without a word to the
// server, and changes nothing.
func (b bench) untouched(path string) {
	b.Helper()
	before := b.everything()
	cfg := b.config()
	cfg.Logbook = func(context.Context) (string, error) { return "", errors.New("asked") }
	_, err := Run(b.Context(), cfg)
	var broken *DirError
	if !errors.As(err, &broken) || broken.Path != path {
		b.Errorf("error %v, want one about %s", err, path)
	}
	if after := b.everything(); !slices.Equal(before, after) {
		b.Errorf("the outbox was changed:\n%s\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func TestReadOnlyOutbox(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	for _, place := range box.Places {
		b.mkdir(place)
	}
	mount(t, b.dir, b.dir, "", bindMount)
	if err := unix.Mount("", b.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	b.untouched(b.dir)
}

// A client that stays finds a mount that comes later, before it claims more.
func TestPlacesBreakWhileWatching(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"first": "1"})
	cfg := b.config()
	cfg.Watch, cfg.poll = true, time.Millisecond
	sent := make(chan struct{}, 2)
	cfg.Settled = func(Result) { sent <- struct{}{} }
	ended := make(chan error, 1)
	go func() { _, err := Run(t.Context(), cfg); ended <- err }()
	<-sent
	undo := mount(t, "tmpfs", filepath.Join(b.dir, box.Sent), "tmpfs", 0)
	b.put(map[string]string{"second": "2"})
	if err := <-ended; !errors.As(err, new(*DirError)) {
		t.Errorf("error %v", err)
	}
	b.accepted(map[string]string{"first": "1"}, message.None)
	undo()
	if got := readFile(t, filepath.Join(b.dir, "second")); got != "2" {
		t.Errorf("second holds %q", got)
	}
}

// One that comes at the worst moment leaves a message that the next run ends
// under its id.
func TestPlacesBreakWhileItIsSent(t *testing.T) {
	needRoot(t) // before it mounts where t.Skip would end another goroutine than this one
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	undo := func() {}
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		undo = mount(t, "tmpfs", filepath.Join(b.dir, box.Sent), "tmpfs", 0)
		return b.ledger.deliver(ctx, m)
	}
	if _, err := Run(t.Context(), cfg); !errors.As(err, new(*DirError)) {
		t.Errorf("error %v", err)
	}
	undo()
	if beneath, err := filepath.Glob(filepath.Join(b.dir, box.Sent, "*", "message")); err != nil || len(beneath) > 0 {
		t.Errorf("what was sent went beneath the mount: %v, %v", beneath, err)
	}
	b.run(b.config())
	b.onlySent(files, message.None)
}

// A directory that somebody removes is made again.
func TestPlacesAreMadeAgain(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	cfg.Logbook = func(context.Context) (string, error) {
		for _, place := range []string{box.Sent, box.Refused} {
			if err := os.Remove(filepath.Join(b.dir, place)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
		return testLogbook, nil
	}
	b.run(cfg)
	b.onlySent(files, message.None)
}
