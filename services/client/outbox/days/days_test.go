package days

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const today = "2026-11-26"

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// bench is an outbox: sent/, refused/ and the messages of a group in files/.
type bench struct {
	testing.TB
	dir           string
	sent, refused Place
	from          *durable.Dir
}

func newBench(t testing.TB) bench {
	t.Helper()
	dir := durabletest.MemoryDir(t)
	durabletest.Put(t, dir, map[string][]byte{"sent/": nil, "refused/": nil, "files/": nil})
	return openBench(t, dir)
}

func openBench(t testing.TB, dir string) bench {
	t.Helper()
	b := bench{TB: t, dir: dir}
	b.from = b.open("files")
	b.sent = Place{Dir: b.open("sent"), Kind: Sent, Owner: os.Geteuid(), Heir: durable.Keep}
	b.refused = b.sent
	b.refused.Dir, b.refused.Kind = b.open("refused"), Refused
	return b
}

func (b bench) open(name string) *durable.Dir {
	b.Helper()
	d, err := durable.OpenDir(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return d
}

// item makes the nth message of a group, which holds its own name.
func (b bench) item(n int, name string) Item {
	b.Helper()
	item := itemOf(n, name)
	item.From = b.from
	durabletest.Put(b, b.dir, map[string][]byte{"files/" + item.File: []byte(name)})
	return item
}

func itemOf(n int, name string) Item {
	id := message.ID{byte(n >> 8), byte(n), 0xab, 0xcd, 15: byte(n)}
	return Item{Name: name, ID: id, Text: receiptOf(id), File: fmt.Sprintf("m%04d", n)}
}

// receiptOf is a receipt that is one by its form.
func receiptOf(id message.ID) []byte {
	line, err := logfile.Entry{V: 1, Seq: 1, ID: id, ReceivedAt: noon, Sender: "sender", Name: "name",
		Cipher: message.None, File: logfile.FileName(1)}.Line()
	if err != nil {
		panic(err)
	}
	text, err := receipt.New(1, line, nil, []byte("checkpoint\n"))
	if err != nil {
		panic(err)
	}
	return text
}

// put puts items and fails the test where one of them does not get there.
func (b bench) put(p Place, batch Batch) (paths []string) {
	b.Helper()
	if batch.Flush == nil {
		batch.Flush = eachByItself
	}
	if batch.Day.IsZero() {
		batch.Day = noon
	}
	results, err := p.Put(batch)
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			b.Fatalf("%q: %v", batch.Items[i].Name, r.Err)
		}
		if r.Text != r.Path+p.Kind.suffix() {
			b.Errorf("%q lies at %q with %q", batch.Items[i].Name, r.Path, r.Text)
		}
		paths = append(paths, r.Path)
	}
	return paths
}

// files lists what lies in a place, without directories.
func (b bench) files(place string) map[string]string {
	b.Helper()
	found := make(map[string]string)
	for name, text := range durabletest.Get(b, filepath.Join(b.dir, place)) {
		if !strings.HasSuffix(name, "/") {
			found[name] = string(text)
		}
	}
	return found
}

// onlySent wants exactly these messages, each once with its receipt beside it, and
// nothing more in the outbox.
func (b bench) onlySent(items []Item) {
	b.Helper()
	found := b.files("sent")
	for _, item := range items {
		text := string(item.Text)
		at := slices.Collect(func(yield func(string) bool) {
			for name, got := range found {
				if got == text && !yield(name) {
					return
				}
			}
		})
		if len(at) != 1 {
			b.Errorf("%d receipts of %q", len(at), item.Name)
			continue
		}
		if name := strings.TrimSuffix(at[0], receiptSuffix); found[name] != item.Name {
			b.Errorf("%q lies where %q should", found[name], item.Name)
		} else {
			delete(found, name)
		}
		delete(found, at[0])
	}
	if len(found) > 0 {
		b.Errorf("besides: %q", slices.Sorted(maps.Keys(found)))
	}
	if left := b.files("files"); len(left) > 0 {
		b.Errorf("left: %q", slices.Sorted(maps.Keys(left)))
	}
}

func TestSideBySide(t *testing.T) {
	b := newBench(t)
	items := []Item{b.item(1, "a.txt"), b.item(2, "b/c.txt"), b.item(3, "b/d.txt")}
	paths := b.put(b.sent, Batch{Items: items, Day: time.Date(2026, 11, 27, 1, 0, 0, 0, time.FixedZone("", 7200))})
	want := []string{today + "/a.txt", today + "/b/c.txt", today + "/b/d.txt"}
	if !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
	b.onlySent(items)
}

func TestReason(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a.txt")
	item.Text = []byte("too \x1b[2J large\nreally")
	b.put(b.refused, Batch{Items: []Item{item}})
	found := b.files("refused")
	reason := found[today+"/a.txt.reason"]
	first, rest, _ := strings.Cut(reason, "\n")
	if !strings.HasPrefix(first, "too ") || !strings.Contains(first, "really") || strings.Contains(first, "\x1b") ||
		rest != "message "+item.ID.String()+"\n" || found[today+"/a.txt"] != "a.txt" || len(found) != 2 {
		t.Errorf("%q", found)
	}
}

// A reason that is too long is cut: it must be short enough to be read again.
func TestReasonIsBounded(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	item.Text = []byte(strings.Repeat("\x00é", 3*reasonMax))
	failed := errors.New("the flush")
	batch := Batch{Items: []Item{item}, Day: noon, Flush: func([]*os.File, []*durable.Dir) error { return failed }}
	if _, err := b.refused.Put(batch); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	b.put(b.refused, Batch{Items: []Item{item}, Again: true})
	if found := b.files("refused"); len(found) != 2 || len(found[today+"/a.reason"]) > reasonMax+64 {
		t.Errorf("%d files, %d bytes", len(found), len(found[today+"/a.reason"]))
	}
}

// TestTextIsTheMessages: a receipt of another message would not be known again.
func TestTextIsTheMessages(t *testing.T) {
	b := newBench(t)
	good, other, none := b.item(1, "good"), b.item(2, "other"), b.item(3, "none")
	other.Text, none.Text = good.Text, []byte("no receipt")
	results, err := b.sent.Put(Batch{Items: []Item{other, good, none}, Day: noon, Flush: eachByItself})
	if err != nil {
		t.Fatal(err)
	}
	if results[1].Err != nil || !errors.Is(results[0].Err, errText) || !errors.Is(results[2].Err, errText) {
		t.Errorf("%+v", results)
	}
	if found := b.files("files"); found[other.File] != "other" || found[none.File] != "none" || len(found) != 2 {
		t.Errorf("%q", found)
	}
}

// TestOneHoldsUpNoOther: what cannot go stays, and is said.
func TestOneHoldsUpNoOther(t *testing.T) {
	b := newBench(t)
	gone := itemOf(1, "gone")
	gone.From = b.from
	for n, name := range []string{"", ".", "..", "../x", "a//b", "/a", "a/", "a\x00b"} {
		bad, good := b.item(1000+n, name), b.item(2000+n, "good")
		results, err := b.sent.Put(Batch{Items: []Item{gone, bad, good}, Day: noon, Flush: eachByItself})
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(results[0].Err, fs.ErrNotExist) || !errors.Is(results[1].Err, fs.ErrInvalid) || results[2].Err != nil {
			t.Errorf("%q: %+v", name, results)
		}
	}
	for name := range b.files("sent") {
		if !strings.HasPrefix(name, today+"/good") {
			t.Errorf("there is %q", name)
		}
	}
}

// TestOrder: nothing moves before all texts have been flushed, with every directory
// of a new name.
func TestOrder(t *testing.T) {
	b := newBench(t)
	items := []Item{b.item(1, "a"), b.item(2, "b/c/d")}
	calls := 0
	batch := Batch{Items: items, Day: noon, Flush: func(files []*os.File, dirs []*durable.Dir) error {
		calls++
		var names []string
		for _, d := range dirs {
			names = append(names, strings.TrimPrefix(d.Path(), b.dir+"/"))
		}
		slices.Sort(names)
		day := "sent/" + today
		want, texts := []string{"sent", day, day + "/b", day + "/b/c"}, 2
		if calls == 2 {
			want, texts = []string{"files", day, day + "/b/c"}, 0
		}
		if !slices.Equal(names, want) || len(files) != texts {
			t.Errorf("flush %d of %d texts, %q", calls, len(files), names)
		}
		if left := len(b.files("files")); left != texts {
			t.Errorf("flush %d: %d messages are left", calls, left)
		}
		return nil
	}}
	b.put(b.sent, batch)
	if calls != 2 {
		t.Errorf("%d flushes", calls)
	}
}

// TestFailedFlush: no message moves, and the batch can be put again.
func TestFailedFlush(t *testing.T) {
	for fails := 1; fails <= 2; fails++ {
		b := newBench(t)
		items := []Item{b.item(1, "a"), b.item(2, "b/c")}
		failed, calls := errors.New("failed"), 0
		_, err := b.sent.Put(Batch{Items: items, Day: noon, Flush: func([]*os.File, []*durable.Dir) error {
			if calls++; calls == fails {
				return failed
			}
			return nil
		}})
		if !errors.Is(err, failed) {
			t.Errorf("flush %d: %v", fails, err)
		}
		if fails == 1 && len(b.files("files")) != len(items) {
			t.Error("a message moved beside a text that was not flushed")
		}
		paths := b.put(b.sent, Batch{Items: items, Day: noon.AddDate(0, 0, 1), Again: true})
		if !slices.Equal(paths, []string{today + "/a", today + "/b/c"}) {
			t.Errorf("flush %d: %q", fails, paths)
		}
		b.onlySent(items)
	}
}

// TestMany puts more than go together.
func TestMany(t *testing.T) {
	b := newBench(t)
	var items []Item
	for n := range 2*mostItems + 10 {
		name := "flat"
		if n%2 == 0 {
			name = strings.Repeat(string(rune('a'+n%26))+"/", n%40) + "deep"
		}
		items = append(items, b.item(n, name))
	}
	b.put(b.sent, Batch{Items: items})
	b.onlySent(items)
}

func TestTogether(t *testing.T) {
	deep := strings.Repeat("d/", mostOpen)
	for n, names := range map[int][]string{
		1: {deep + "a", deep + deep + "b"},
		2: {"a", "b"},
		3: {deep + "a", deep + "b", deep + "c", "x/y"},
	} {
		var items []*work
		for _, name := range names {
			items = append(items, &work{Item: Item{Name: name}})
		}
		if got := together(items); got != n {
			t.Errorf("%d go together, want %d", got, n)
		}
	}
}
