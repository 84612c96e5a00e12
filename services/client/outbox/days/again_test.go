package days

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

var errCut = errors.New("cut")

// cutAfter is a flush that ends a Put at its nth call, as a kill there would.
func cutAfter(n int) Flush {
	return func([]*os.File, []*durable.Dir) error {
		if n--; n == 0 {
			return errCut
		}
		return nil
	}
}

// begin puts items and is cut off at the nth flush.
func (b bench) begin(p Place, n int, items ...Item) {
	b.Helper()
	if _, err := p.Put(Batch{Items: items, Day: noon, Flush: cutAfter(n)}); !errors.Is(err, errCut) {
		b.Fatal(err)
	}
}

// TestAgainOnAnotherDay: what was begun goes on where it was begun, whatever has
// come there since, and what was not begun goes to the new day.
func TestAgainOnAnotherDay(t *testing.T) {
	b := newBench(t)
	begun := []Item{b.item(0, "a"), b.item(1, "a"), b.item(2, "b/c"), b.item(3, "x.reason")}
	b.begin(b.sent, 1, begun...)
	between := []Item{b.item(4, "a"), b.item(5, "b"), b.item(6, "b/c")}
	b.put(b.sent, Batch{Items: between})
	fresh := []Item{b.item(7, "a"), b.item(8, "d/e")}
	items := append(begun[:4:4], fresh...)
	paths := b.put(b.sent, Batch{Items: items, Day: noon.AddDate(0, 1, 0), Again: true})
	for n, want := range []string{today + "/a", today + "/a~0001abcd", today + "/b/c", today + "/x.reason~0003abcd",
		"2026-12-26/a", "2026-12-26/d/e"} {
		if paths[n] != want {
			t.Errorf("%q lies at %q, want %q", items[n].Name, paths[n], want)
		}
	}
	b.onlySent(append(items, between...))
}

// TestAgainAfterTheEnd: what has ended is found where it is, with no new text.
func TestAgainAfterTheEnd(t *testing.T) {
	b := newBench(t)
	items := []Item{b.item(0, "a"), b.item(1, "a/b"), b.item(2, "a")}
	want := b.put(b.sent, Batch{Items: items})
	again := append([]Item{}, items...)
	again[0].Text = append([]byte{}, again[0].Text...)
	again[0].Text[len(again[0].Text)-2] ^= 1 // as the server signs another time
	flushed := 0
	got := b.put(b.sent, Batch{Items: again, Day: noon.AddDate(0, 0, 9), Again: true,
		Flush: func(files []*os.File, dirs []*durable.Dir) error { flushed += len(dirs); return nil }})
	for n := range want {
		if got[n] != want[n] {
			t.Errorf("%q is said to lie at %q, not %q", items[n].Name, got[n], want[n])
		}
	}
	if flushed == 0 {
		t.Error("the moves were not flushed: who made them may not have")
	}
	b.onlySent(items)
}

// TestAgainWritesTheTextAnew: what is seen of a text may not be on the disk.
func TestAgainWritesTheTextAnew(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	b.begin(b.sent, 1, item)
	before, err := b.sent.Dir.Sub(today)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	old, err := before.Lstat("a.tlog-proof")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	b.put(b.sent, Batch{Items: []Item{item}, Again: true, Flush: func(f []*os.File, _ []*durable.Dir) error {
		files += len(f)
		return nil
	}})
	if now, err := before.Lstat("a.tlog-proof"); err != nil || now.Same(old) || files != 1 {
		t.Errorf("%d texts flushed, %v", files, err)
	}
	b.onlySent([]Item{item})
}

// TestTornText: what a power cut left of a text does not stay, where its message
// may have put it; one beside a file does, and one that is somebody's.
func TestTornText(t *testing.T) {
	const day = "sent/" + today + "/"
	b := newBench(t)
	item, other := b.item(1, "a"), b.item(2, "b")
	durabletest.Put(t, b.dir, map[string][]byte{
		day + "a.tlog-proof": nil, day + "a~0001abcd.tlog-proof": item.Text[:20],
		day + "." + item.ID.String() + ".tlog-proof": nil,
		day + "b.tlog-proof":                         item.Text, day + "c": []byte("c"), day + "c.tlog-proof": nil,
		day + ".tmp-1": nil,
	})
	third := b.item(3, "c")
	paths := b.put(b.sent, Batch{Items: []Item{item, other, third}, Day: noon.AddDate(0, 0, 1), Again: true})
	if paths[0] != "2026-11-27/a" || paths[1] != "2026-11-27/b" || paths[2] != "2026-11-27/c" {
		t.Errorf("%q", paths)
	}
	left := b.files(day[:len(day)-1])
	if _, ok := left["b.tlog-proof"]; !ok || len(left) != 4 {
		t.Errorf("left: %q", left)
	}
}

// TestTornTextIsOnesAtATime: who removes what is torn holds its lock, so that nobody
// removes a text that another one has put there since.
func TestTornTextIsOnesAtATime(t *testing.T) {
	b := newBench(t)
	name := "a.tlog-proof"
	durabletest.Put(t, b.dir, map[string][]byte{"sent/" + name: nil})
	lock, err := b.sent.Dir.TryLockThere(name)
	if err != nil {
		t.Fatal(err)
	}
	b.sent.clear(b.sent.Dir, name)
	if !has(b.sent.Dir, name) {
		t.Error("it was removed under the lock")
	}
	_ = lock.Close()
	b.sent.clear(b.sent.Dir, name)
	if has(b.sent.Dir, name) {
		t.Error("it was not removed")
	}
	b.sent.clear(b.sent.Dir, name)
	if has(b.sent.Dir, name) {
		t.Error("the lock was made a file")
	}
	durabletest.Put(t, b.dir, map[string][]byte{"sent/" + name: receiptOf(anID)})
	b.sent.clear(b.sent.Dir, name)
	if !has(b.sent.Dir, name) {
		t.Error("a whole one was removed")
	}
}

// TestTheOtherPlace: a message that is delivered after all leaves no reason.
func TestTheOtherPlace(t *testing.T) {
	b := newBench(t)
	item, kept := b.item(1, "a/b"), b.item(2, "a/b")
	b.put(b.refused, Batch{Items: []Item{kept}})
	b.begin(b.refused, 1, item)
	if n := len(b.files("refused")); n != 3 {
		t.Fatalf("%d files", n)
	}
	flushed := 0
	b.put(b.sent, Batch{Items: []Item{item}, Day: noon.AddDate(0, 0, 1), Again: true, Other: &b.refused,
		Flush: func(_ []*os.File, dirs []*durable.Dir) error {
			for _, d := range dirs {
				if d.Path() == filepath.Join(b.dir, "refused", today, "a") {
					flushed++
				}
			}
			return nil
		}})
	b.onlySent([]Item{item})
	if found := b.files("refused"); len(found) != 2 || found[today+"/a/b"] != "a/b" || flushed == 0 {
		t.Errorf("%q, %d flushes", found, flushed)
	}
}

// TestMessageIsGone: somebody took it away after its text was there.
func TestMessageIsGone(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	results, err := b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: func([]*os.File, []*durable.Dir) error {
		return gone(os.Remove(filepath.Join(b.dir, "files", item.File)))
	}})
	if err != nil || !errors.Is(results[0].Err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", results, err)
	}
	results, err = b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: eachByItself, Again: true})
	if err != nil || !errors.Is(results[0].Err, fs.ErrNotExist) || results[0].Text != today+"/a.tlog-proof" {
		t.Errorf("again: %+v, %v", results, err)
	}
}

// TestLinkAndNoRemoval: a file system without a rename that replaces nothing makes
// a link and removes a name; a crash may come between.
func TestLinkAndNoRemoval(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	b.begin(b.sent, 1, item)
	err := os.Link(filepath.Join(b.dir, "files", item.File), filepath.Join(b.dir, "sent", today, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if paths := b.put(b.sent, Batch{Items: []Item{item}, Again: true}); paths[0] != today+"/a" {
		t.Errorf("%q", paths)
	}
	b.onlySent([]Item{item})
}

// TestRemovedByHand: somebody removes the day, or all of sent/ but itself, at a
// flush. Everything goes into a new one.
func TestRemovedByHand(t *testing.T) {
	for at := 1; at <= 2; at++ {
		b := newBench(t)
		items := []Item{b.item(1, "a"), b.item(2, "b/c"), b.item(3, "b/d")}
		calls := 0
		b.put(b.sent, Batch{Items: items, Flush: func(files []*os.File, dirs []*durable.Dir) error {
			if calls++; calls == at {
				if err := os.RemoveAll(filepath.Join(b.dir, "sent", today)); err != nil {
					return err
				}
			}
			return eachByItself(files, dirs)
		}})
		if at == 1 {
			b.onlySent(items)
		}
	}
}
