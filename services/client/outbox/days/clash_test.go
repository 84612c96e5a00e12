package days

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

// TestClashes puts messages whose names clash, together and one after the other:
// then a file is there before the folder is made.
func TestClashes(t *testing.T) {
	long := strings.Repeat("n", 255)
	for what, c := range map[string]struct{ names, want, alone []string }{
		"one name":             {names: []string{"a", "a", "a"}, want: []string{"a", "a~0001abcd", "a~0002abcd"}},
		"receipt's name":       {names: []string{"X", "X.tlog-proof"}, want: []string{"X", "X.tlog-proof~0001abcd"}},
		"receipt's name first": {names: []string{"X.tlog-proof", "X"}, want: []string{"X.tlog-proof~0000abcd", "X"}},
		"reason's name":        {names: []string{"X", "X.reason"}, want: []string{"X", "X.reason~0001abcd"}},
		"file, then folder": {names: []string{"a", "a/b", "a/c"}, want: []string{"a~0000abcd", "a/b", "a/c"},
			alone: []string{"a", "a~0001abcd/b", "a~0002abcd/c"}},
		"folder, then file": {names: []string{"a/b", "a"}, want: []string{"a/b", "a~0001abcd"}},
		"folder of a receipt's name": {names: []string{"X", "X.tlog-proof/y", "X.tlog-proof/y"},
			want: []string{"X", "X.tlog-proof~0001abcd/y", "X.tlog-proof~0002abcd/y"}},
		"receipt's folder first": {names: []string{"X.tlog-proof/y", "X"}, want: []string{"X.tlog-proof/y", "X~0001abcd"}},
		"longest": {names: []string{long, long},
			want: []string{long[:200] + "~0000abcd", long[:200] + "~0001abcd"}},
		"longest folder": {names: []string{long[:253], long[:253] + "/a"},
			want: []string{long[:200] + "~0000abcd", long[:253] + "/a"}},
		"longest folder in the way": {names: []string{long[:200], long[:200] + "/a"},
			want:  []string{long[:200] + "~0000abcd", long[:200] + "/a"},
			alone: []string{long[:200], long[:200] + "~0001abcd/a"}},
		"name as of another": {names: []string{"a~0001abcd", "a", "a"},
			want: []string{"a~0001abcd", "a", "a~0002abcd"}},
		"the very digits": {names: []string{"a", "a~0002abcd", "a"},
			want: []string{"a", "a~0002abcd", "a~0002abcd00000000"}},
	} {
		t.Run(what, func(t *testing.T) {
			for _, alone := range []bool{false, true} {
				b := newBench(t)
				var items []Item
				var paths []string
				for n, name := range c.names {
					items = append(items, b.item(n, name))
					if alone {
						paths = append(paths, b.put(b.sent, Batch{Items: items[n:]})...)
					}
				}
				if !alone {
					paths = b.put(b.sent, Batch{Items: items})
				}
				wants := c.want
				if alone && c.alone != nil {
					wants = c.alone
				}
				for n, want := range wants {
					if paths[n] != today+"/"+want {
						t.Errorf("alone %v: %q lies at %q, want %q", alone, c.names[n], paths[n], want)
					}
				}
				b.onlySent(items)
			}
		})
	}
}

// TestFilesThatLieThere: what somebody put into a day keeps its name and content.
func TestFilesThatLieThere(t *testing.T) {
	b := newBench(t)
	there := map[string][]byte{
		"a": []byte("file"), "b.tlog-proof": []byte("no receipt"), "c/": nil, "d": []byte("d"),
		"d~0003abcd": []byte("d8"), "d~0003abcd00000000": []byte("d16"),
	}
	durabletest.Put(t, filepath.Join(b.dir, "sent", today), there)
	items := []Item{b.item(0, "a"), b.item(1, "b"), b.item(2, "c"), b.item(3, "d")}
	flushes := 0
	paths := b.put(b.sent, Batch{Items: items, Flush: func([]*os.File, []*durable.Dir) error { flushes++; return nil }})
	if flushes != 2 {
		t.Errorf("%d flushes: a receipt was beside a file that is not its message", flushes)
	}
	want := []string{"a~0000abcd", "b~0001abcd", "c~0002abcd", "d~0003abcd0000000000000000"}
	for n := range want {
		if paths[n] != today+"/"+want[n] {
			t.Errorf("%q lies at %q", items[n].Name, paths[n])
		}
	}
	now := durabletest.Get(t, filepath.Join(b.dir, "sent", today))
	for name, text := range there {
		if got, ok := now[name]; !ok || !slices.Equal(got, text) {
			t.Errorf("%q holds %q", name, got)
		}
		_ = os.RemoveAll(filepath.Join(b.dir, "sent", today, name))
	}
	b.onlySent(items)
}

// TestFileComesMeanwhile: a file without a receipt takes the stem after the text
// did. It is not replaced, and the text goes with its message.
func TestFileComesMeanwhile(t *testing.T) {
	for _, name := range []string{"a", "b/a"} {
		b := newBench(t)
		item := b.item(1, name)
		calls := 0
		paths := b.put(b.sent, Batch{Items: []Item{item}, Flush: func(files []*os.File, dirs []*durable.Dir) error {
			if calls++; calls == 1 {
				durabletest.Put(t, b.dir, map[string][]byte{"sent/" + today + "/" + name: []byte("theirs")})
			}
			return eachByItself(files, dirs)
		}})
		if paths[0] != today+"/"+name+"~0001abcd" || calls != 3 {
			t.Errorf("%q after %d flushes", paths, calls)
		}
		if got := b.files("sent")[today+"/"+name]; got != "theirs" {
			t.Errorf("%q holds %q", name, got)
		}
		_ = os.Remove(filepath.Join(b.dir, "sent", today, name))
		b.onlySent([]Item{item})
	}
}

// TestEveryNameIsTaken: the message stays where it is, and goes on once a name is
// free.
func TestEveryNameIsTaken(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	there := make(map[string][]byte)
	for n := 0; n <= mostTry; n++ {
		there["sent/"+today+"/"+stem("a", item.ID, n)] = []byte("theirs")
	}
	durabletest.Put(t, b.dir, there)
	results, err := b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: eachByItself})
	if err != nil || results[0].Err == nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if found := b.files("sent"); len(found) != len(there) {
		t.Errorf("%q", found)
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "sent", today)); err != nil {
		t.Fatal(err)
	}
	b.put(b.sent, Batch{Items: []Item{item}, Again: true})
	b.onlySent([]Item{item})
}
