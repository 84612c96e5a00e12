package days

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

const (
	ownerUser = 54321 // the outbox's owner
	thirdUser = 54322
)

// shared is a bench whose outbox is another user's, in which this process, run as
// root, works for them.
func sharedBench(t *testing.T) bench {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" && os.Getenv("ROOT_TESTS") != "elsewhere" {
			t.Fatal("needs root")
		}
		t.Skip("needs root, to have files of other users")
	}
	b := newBench(t)
	b.give(ownerUser, "sent", "refused", "files")
	b.sent.Owner, b.sent.Heir = ownerUser, durable.Owner{UID: ownerUser, GID: ownerUser}
	b.refused.Owner, b.refused.Heir = b.sent.Owner, b.sent.Heir
	return b
}

func (b bench) give(uid int, names ...string) {
	b.Helper()
	for _, name := range names {
		if err := os.Lchown(filepath.Join(b.dir, name), uid, uid); err != nil {
			b.Fatal(err)
		}
	}
}

func (b bench) ownerOf(name string) int {
	b.Helper()
	d := b.open(filepath.Dir(name))
	info, err := d.Lstat(filepath.Base(name))
	if err != nil {
		b.Fatal(err)
	}
	uid, _ := info.Owner()
	return uid
}

// TestAllIsTheHeirs, whatever the umask: what is made is the owner's to read and to
// remove, and messages stay whose they are.
func TestAllIsTheHeirs(t *testing.T) {
	b := sharedBench(t)
	item, old := b.item(1, "a/b"), b.item(2, "c")
	b.give(thirdUser, "files/"+item.File)
	durabletest.Put(t, b.dir, map[string][]byte{"sent/2026-11-27/": nil}) // root left it so
	b.put(b.sent, Batch{Items: []Item{item}})
	b.put(b.sent, Batch{Items: []Item{old}, Day: noon.AddDate(0, 0, 1)})
	day := "sent/" + today
	for name, mode := range map[string]os.FileMode{
		day: dirMode, day + "/a": dirMode, day + "/a/b.tlog-proof": fileMode, "sent/2026-11-27": dirMode,
	} {
		info, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil || info.Mode().Perm() != mode || b.ownerOf(name) != ownerUser {
			t.Errorf("%s: %v, of %d, %v", name, info.Mode(), b.ownerOf(name), err)
		}
	}
	if uid := b.ownerOf(day + "/a/b"); uid != thirdUser {
		t.Errorf("the message belongs to %d", uid)
	}
}

// TestThirdUsersDay: nothing goes into a directory that a third user made, nor where
// a link leads.
func TestThirdUsersDay(t *testing.T) {
	b := sharedBench(t)
	item := b.item(1, "a")
	durabletest.Put(t, b.dir, map[string][]byte{"elsewhere/": nil, "sent/" + today + "/": nil})
	b.give(thirdUser, "sent/"+today)
	_, err := b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: eachByItself, Again: true})
	if !errors.Is(err, durable.ErrNotOurs) {
		t.Errorf("another user's: %v", err)
	}
	if err := os.Remove(filepath.Join(b.dir, "sent", today)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(b.dir, "elsewhere"), filepath.Join(b.dir, "sent", today)); err != nil {
		t.Fatal(err)
	}
	_, err = b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: eachByItself, Again: true})
	if !errors.Is(err, durable.ErrNotDirectory) {
		t.Errorf("a link: %v", err)
	}
	if len(b.files("elsewhere")) > 0 || len(b.files("files")) != 1 {
		t.Error("something was put there")
	}
}

// TestThirdUsersFolder: another one is made beside it.
func TestThirdUsersFolder(t *testing.T) {
	b := sharedBench(t)
	durabletest.Put(t, b.dir, map[string][]byte{"elsewhere/": nil, "sent/" + today + "/a/": nil})
	b.give(thirdUser, "sent/"+today+"/a")
	if err := os.Symlink("../../elsewhere", filepath.Join(b.dir, "sent", today, "l")); err != nil {
		t.Fatal(err)
	}
	items := []Item{b.item(1, "a/x"), b.item(2, "l/x")}
	b.begin(b.sent, 1, items...)
	paths := b.put(b.sent, Batch{Items: items, Day: noon.AddDate(0, 0, 1), Again: true})
	if paths[0] != today+"/a~0001abcd/x" || paths[1] != today+"/l~0002abcd/x" || len(b.files("elsewhere")) > 0 {
		t.Errorf("%q", paths)
	}
}

// TestThirdUsersText is not taken for a receipt of ours, nor removed as torn, nor is
// one that a link leads to.
func TestThirdUsersText(t *testing.T) {
	b := sharedBench(t)
	items := []Item{b.item(1, "a"), b.item(2, "b"), b.item(3, "c")}
	day := "sent/" + today + "/"
	durabletest.Put(t, b.dir, map[string][]byte{
		day + "a.tlog-proof": items[0].Text, day + "b.tlog-proof": nil, "elsewhere/c": items[2].Text,
	})
	b.give(thirdUser, day+"a.tlog-proof", day+"b.tlog-proof")
	if err := os.Symlink("../../elsewhere/c", filepath.Join(b.dir, day, "c.tlog-proof")); err != nil {
		t.Fatal(err)
	}
	paths := b.put(b.sent, Batch{Items: items, Again: true})
	for n, want := range []string{"a~0001abcd", "b~0002abcd", "c~0003abcd"} {
		if paths[n] != today+"/"+want {
			t.Errorf("%q", paths[n])
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := os.Remove(filepath.Join(b.dir, day, name+".tlog-proof")); err != nil {
			t.Error(err)
		}
	}
	b.onlySent(items)
}

// TestPruneLeavesThirdUsers: days, folders and receipts that a third user made.
func TestPruneLeavesThirdUsers(t *testing.T) {
	b := sharedBench(t)
	durabletest.Put(t, b.dir+"/sent", map[string][]byte{
		"2020-01-01/a": nil, "2020-01-01/a.tlog-proof": nil,
		"2020-01-02/b/a": nil, "2020-01-02/b/a.tlog-proof": nil,
		"2020-01-03/a": nil, "2020-01-03/a.tlog-proof": nil, "2020-01-03/gone": nil, "2020-01-03/gone.tlog-proof": nil,
		".pruned-2020-01-04-1/a": nil, ".pruned-2020-01-04-1/a.tlog-proof": nil,
	})
	b.give(thirdUser, "sent/2020-01-01", "sent/2020-01-02/b", "sent/2020-01-03/a.tlog-proof", "sent/.pruned-2020-01-04-1")
	b.give(thirdUser, "sent/2020-01-03/gone") // messages are anybody's
	got, err := b.sent.Prune(t.Context(), time.Now().AddDate(1, 0, 0), hour)
	if err != nil || got.Messages != 1 || got.Days != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if found := b.files("sent"); len(found) != 8 {
		t.Errorf("%q", found)
	}
}
