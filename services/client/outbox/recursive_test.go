package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/services/client/outbox/scan"
	"sealpost/shared/message"
)

func (b bench) recursive() Config {
	cfg := b.config()
	cfg.Recursive = true
	return cfg
}

// Files in directories are messages by their paths, and the directories stay.
func TestSendsWhatLiesInDirectories(t *testing.T) {
	b := newBench(t)
	files := map[string]string{
		"a":                             "1",
		"files/files":                   "2",
		"below/below/below":             "3",
		"b/sent/message":                "4",
		"b/ c/!/message":                "5",
		strings.Repeat("d/", 32) + "m":  "7",
		"e/" + strings.Repeat("n", 253): "8",
	}
	b.put(files)
	b.mkdir("empty", "deeper")
	if n, err := Waiting(b.dir, nil, true); n != len(files) || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	cfg := b.recursive()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if n, err := Waiting(b.dir, nil, true); n == 0 || err != nil {
			t.Errorf("%d wait, %v", n, err)
		}
		return b.ledger.deliver(ctx, m)
	}
	if out := b.run(cfg); out.Sent != len(files) {
		t.Errorf("outcome %+v", out)
	}
	for _, dir := range []string{"empty/deeper", "below/below", "b/sent", "b/ c/!"} {
		if entries, err := os.ReadDir(filepath.Join(b.dir, dir)); err != nil || len(entries) > 0 {
			t.Errorf("%s holds %v, %v", dir, entries, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "empty")); err != nil {
		t.Fatal(err)
	}
	b.onlySent(files, message.None)
}

// Without the setting nothing below the outbox is touched.
func TestDirectoriesStayAsTheyAre(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"a/message": "1", "message": "2"})
	if out := b.run(b.config()); out.Sent != 1 || readFile(t, filepath.Join(b.dir, "a/message")) != "1" {
		t.Errorf("outcome %+v", out)
	}
	if n, err := Waiting(b.dir, nil, false); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
}

// One name may be a file's now and a directory's then: both are sent.
func TestFileAndDirectoryOfOneName(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"a": "1"})
	cfg := b.recursive()
	put := false
	cfg.step = func(name string) {
		if name == "claimed" && !put {
			put = true
			b.put(map[string]string{"a/b": "2"})
		}
	}
	b.run(cfg)
	b.onlySent(map[string]string{"a": "1", "a/b": "2"}, message.None)
}

// What leads elsewhere or nowhere is not entered, and named.
func TestLinksAreNotEntered(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"a/message": "1", "a/x.part": "half", "b.part/message": "left", "a/.hidden/message": "left"})
	private := t.TempDir()
	b.write(filepath.Join(private, "message"), "private")
	deep := strings.Repeat("d/", scan.MostDepth)
	b.mkdir(strings.Split(deep+strings.Repeat("d/", 200), "/")...)
	b.write(filepath.Join(b.dir, deep, "d", "message"), "too deep")
	for name, to := range map[string]string{"link": private, "a/up": "..", "a/itself": "itself"} {
		if err := os.Symlink(to, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cfg := b.recursive()
	cfg.Ignore = []string{"*.part"}
	cfg.Log = zerolog.New(&log)
	if out := b.run(cfg); out.Sent != 1 || out.Ignored != 1 {
		t.Errorf("outcome %+v", out)
	}
	b.accepted(map[string]string{"a/message": "1"}, message.None)
	for _, name := range []string{"link", "a/up", "a/itself", strings.Repeat("d/", scan.MostDepth) + "d"} {
		if !strings.Contains(log.String(), `"name":"`+name+`","is":"a `) {
			t.Errorf("%s is not named in\n%s", name, log.String())
		}
	}
}

// A directory that becomes a link after its names were read leads nowhere.
func TestDirectoryIsExchangedForALink(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	a.put(map[string]string{"sub/key": "1"})
	cfg := a.recursive()
	cfg.step = func(name string) {
		if name == "shown" {
			sub := filepath.Join(a.dir, "sub")
			if err := errors.Join(os.Rename(sub, a.dir+".away"), os.Symlink(a.private, sub)); err != nil {
				t.Error(err)
			}
		}
	}
	if out := a.run(cfg); out.Sent != 0 || len(out.Left) > 0 {
		t.Errorf("outcome %+v", out)
	}
	a.unharmed("key")
	a.empty(box.Sending)
}

// A hard link is judged by the directory that it lies in.
func TestHardLinkInADirectory(t *testing.T) {
	for name, modes := range map[string][2]os.FileMode{
		"that others may write into": {0o755, 0o777},
		"of its owner":               {0o777, 0o755},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t, modes[0], "key")
			sub := a.mkdir("sub")
			if err := errors.Join(os.Link(filepath.Join(a.private, "key"), filepath.Join(sub, "message")),
				os.Chmod(sub, modes[1])); err != nil {
				t.Fatal(err)
			}
			out := a.run(a.recursive())
			if modes[1] == 0o755 {
				if out.Sent != 1 {
					t.Errorf("outcome %+v", out)
				}
				return
			}
			if len(out.Left) != 1 || !errors.Is(out.Left[0].Err, box.ErrPlanted) || out.Left[0].Name != "sub/message" {
				t.Errorf("outcome %+v", out)
			}
			a.unharmed("key")
		})
	}
}

// Who takes a message over that was never recorded does not know where it came from.
func TestHardLinkFromADirectoryTakenOver(t *testing.T) {
	a := newAttack(t, 0o755, "key")
	dir := a.abandonAll(map[string]string{"sub/other": "1"})
	a.mkdir("sub")
	path := filepath.Join(dir, "below", "sub", "message")
	if err := os.Link(filepath.Join(a.private, "key"), path); err != nil {
		t.Fatal(err)
	}
	if out := a.run(a.recursive()); out.Refused != 1 || out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
	a.accepted(map[string]string{"sub/other": "1"}, message.None)
	a.unharmed("key")
}

// The names of messages in directories are kept, with records and without, also by
// a client that sends none of them itself.
func TestTakeOverOfDirectories(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"a": "1", "a/b": "2", "a/c/d": "3", "e/f": "4"}
	rec := group.Record{ID: message.NewID(), Sender: "store-17", Name: "a/c/d", Cipher: message.None,
		Size: 1, SHA256: sha256.Sum256([]byte("3"))}
	ended := group.Record{ID: message.NewID(), Sender: "store-17", Name: "gone/x", Cipher: message.None}
	b.abandonAll(files, rec, ended)
	b.mkdir("a", "c")
	if n, err := Waiting(b.dir, nil, false); n != len(files) || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	b.run(b.config())
	b.onlySent(files, message.None)
	if b.sent()[rec.ID] != "3" {
		t.Errorf("sent holds %v", b.sent())
	}
}

// A file that became another user's directory just before the claim is refused, and
// what is in it is not sent.
func TestForeignDirectoryInAGroup(t *testing.T) {
	b := newShared(t)
	dir := b.abandonAll(map[string]string{"sub/ours": "1"})
	theirs := filepath.Join(b.mkdir(box.Sending, filepath.Base(dir), "below", "sub", "theirs"))
	b.write(filepath.Join(theirs, "message"), "2")
	if err := os.Lchown(theirs, otherUser+1, otherUser+1); err != nil {
		t.Fatal(err)
	}
	if out := b.run(b.recursive()); out.Sent != 1 || out.Refused != 1 {
		t.Errorf("outcome %+v", out)
	}
	b.accepted(map[string]string{"sub/ours": "1"}, message.None)
	b.empty(box.Sending)
}

// Of directories in a group that lost all messages nothing stays, even where the
// disk kept only those.
func TestEmptyDirectoriesOfAGroupGo(t *testing.T) {
	b := newBench(t)
	dir := b.abandonAll(nil)
	b.mkdir(box.Sending, filepath.Base(dir), "below", "a", "b")
	if err := os.Remove(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	b.run(b.config())
	b.onlySent(nil, message.None)
}

// A directory of another user is as good as the outbox.
func TestDirectoryOfAnotherUser(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"sub/message": "m"})
	sub := filepath.Join(b.dir, "sub")
	if err := errors.Join(os.Lchown(sub, otherUser+1, otherUser+1), os.Chmod(sub, 0o777)); err != nil {
		t.Fatal(err)
	}
	if out := b.run(b.recursive()); out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
	b.onlySent(map[string]string{"sub/message": "m"}, message.None)
}

// One that nothing can be moved out of holds up no other.
func TestDirectoryThatCannotBeEmptied(t *testing.T) {
	b := newShared(t)
	b.put(map[string]string{"sub/message": "m", "other/message": "o"})
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for name, mode := range map[string]os.FileMode{"other": 0o777, "sub": 0o755} {
		if err := os.Chmod(filepath.Join(b.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	p := b.spawn(plan{UID: otherUser, Recursive: true})
	if err := p.Wait(); p.ProcessState.ExitCode() != 1 { // as one is left
		t.Error(err)
	}
	b.accepted(map[string]string{"other/message": "o"}, message.None)
	if readFile(t, filepath.Join(b.dir, "sub/message")) != "m" {
		t.Error("it was moved")
	}
}
