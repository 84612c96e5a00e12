package days

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

const hour = time.Hour

// TestPrune removes old days, and nothing else.
func TestPrune(t *testing.T) {
	b := newBench(t)
	kept := map[string][]byte{
		"stray/a": nil, "2026-11-25/a": nil, "2026-11-25/a.tlog-proof": nil,
		"2026-13-01/a": nil, "2026-13-01/a.tlog-proof": nil, "2026-1-1/a": nil, "2026-1-1/a.tlog-proof": nil,
		"2026-10-02": []byte("a file"), "a.tlog-proof": nil, "a": nil,
	}
	there := map[string][]byte{
		"2026-10-01/a": nil, "2026-10-01/a.tlog-proof": nil, "2026-10-01/b.tlog-proof": nil,
		"2026-10-01/b/c/d": nil, "2026-10-01/b/c/d.tlog-proof": nil, "2026-10-01/e/": nil, "2026-10-01/.tmp-1": nil,
		"2026-10-01/.00000000000000000000000000000001.tlog-proof": nil,
		"2026-10-03/": nil, "2026-11-24/a": nil, "2026-11-24/a.tlog-proof": nil,
	}
	durabletest.Put(t, b.dir+"/sent", kept)
	durabletest.Put(t, b.dir+"/sent", there)
	if err := os.Symlink(filepath.Join(b.dir, "sent", "stray"), filepath.Join(b.dir, "sent", "2026-10-04")); err != nil {
		t.Fatal(err)
	}
	// Both are measured back from the same time: by change time all may go.
	now := time.Date(2026, 11, 26, 0, 0, 0, 1, time.UTC)
	got, err := b.pruneAt(now, 24*hour)
	if err != nil || got.Days != 3 || got.Messages != 3 || len(got.Kept) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(b.dir, "sent", "2026-10-04")); err != nil {
		t.Error(err)
	}
	if found := b.files("sent"); len(found) != len(kept) {
		t.Errorf("%q", found)
	}
	for name := range kept {
		if _, err := os.Lstat(filepath.Join(b.dir, "sent", name)); err != nil {
			t.Error(err)
		}
	}
}

// pruneAt prunes as if all had been changed long ago.
func (b bench) pruneAt(now time.Time, keep time.Duration) (Pruned, error) {
	u := &pruning{Place: b.sent, ctx: b.Context(), ended: now.Add(-keep), changed: time.Now().Add(hour)}
	err := u.run()
	return u.Pruned, err
}

// TestPruneByChangeToo: the day is old by its name, but something in it is not.
func TestPruneByChangeToo(t *testing.T) {
	b := newBench(t)
	durabletest.Put(t, b.dir, map[string][]byte{"sent/2020-01-01/a/b": nil, "sent/2020-01-01/a/b.tlog-proof": nil})
	path := filepath.Join(b.dir, "sent", "2020-01-01")
	for _, name := range []string{path, path + "/a"} { // the time of modification is anybody's to set
		if err := os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.sent.Prune(t.Context(), time.Now(), hour)
	if err != nil || got.Days != 0 || len(b.files("sent")) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = b.sent.Prune(t.Context(), time.Now().Add(2*hour), hour); err != nil || got.Days != 1 {
		t.Errorf("later: %+v, %v", got, err)
	}
}

func TestPruneNothing(t *testing.T) {
	b := newBench(t)
	old := map[string][]byte{"2020-01-01/a": nil, "2020-01-01/a.tlog-proof": nil, "2020-01-01/a.reason": nil}
	durabletest.Put(t, b.dir+"/sent", old)
	durabletest.Put(t, b.dir+"/refused", old)
	later := time.Now().AddDate(1, 0, 0)
	if got, err := b.sent.Prune(t.Context(), later, 0); err != nil || got.Days != 0 {
		t.Errorf("for ever: %+v, %v", got, err)
	}
	if got, err := b.refused.Prune(t.Context(), later, hour); err != nil || got.Days != 0 {
		t.Errorf("refused: %+v, %v", got, err)
	}
	if len(b.files("sent")) != 3 || len(b.files("refused")) != 3 {
		t.Error("something is gone")
	}
}

// TestPruneKeepsWhatHasNoReceipt, under the day's name, and leaves it alone then.
func TestPruneKeepsWhatHasNoReceipt(t *testing.T) {
	b := newBench(t)
	const day = "2020-01-01"
	durabletest.Put(t, b.dir+"/sent/"+day, map[string][]byte{
		"a": nil, "a.tlog-proof": nil, "b": nil, "c/d": nil, "c/e": nil, "c/e.tlog-proof": nil, "f/g": nil,
		"f.tlog-proof/": nil, "h.tlog-proof/x": nil, "h": nil,
	})
	later := time.Now().AddDate(1, 0, 0)
	got, err := b.sent.Prune(t.Context(), later, hour)
	if err != nil || got.Days != 0 || got.Messages != 2 || !slices.Equal(got.Kept, []string{day}) {
		t.Errorf("%+v, %v", got, err)
	}
	left := b.files("sent/" + day)
	for _, name := range []string{"b", "c/d", "f/g", "h", "h.tlog-proof/x"} {
		if _, ok := left[name]; !ok {
			t.Errorf("%q is gone", name)
		}
	}
	before, err := b.sent.Dir.Lstat(day)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = b.sent.Prune(t.Context(), later, hour); err != nil || got.Days+got.Messages+len(got.Kept) != 0 {
		t.Errorf("then: %+v, %v", got, err)
	}
	if now, err := b.sent.Dir.Lstat(day); err != nil || !now.Changed().Equal(before.Changed()) {
		t.Errorf("the day was renamed for nothing: %v", err)
	}
}

// TestPruneGoesOn after it was stopped, with what it renamed away and with a day
// that came under the name since.
func TestPruneGoesOn(t *testing.T) {
	b := newBench(t)
	const away = "sent/.pruned-2020-01-01-77"
	durabletest.Put(t, b.dir, map[string][]byte{
		away + "/a.tlog-proof": nil, away + "/b": nil, away + "/b.tlog-proof": nil, away + "/stray": nil,
		"sent/2020-01-01/c": nil, "sent/.pruned-2020-01-02-1/a": nil, "sent/.pruned-x/a": nil, "sent/.pruned-2020-01-03": nil,
	})
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := b.sent.Prune(stopped, time.Now(), hour); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	got, err := b.sent.Prune(t.Context(), time.Now(), hour)
	if err != nil || got.Messages != 1 || len(got.Kept) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	var left []string
	for name := range b.files("sent") {
		left = append(left, name)
	}
	slices.Sort(left)
	want := []string{".pruned-2020-01-01-77/stray", ".pruned-2020-01-03", ".pruned-x/a", "2020-01-01/c", "2020-01-02/a"}
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// TestPruneMany: more than one step.
func TestPruneMany(t *testing.T) {
	b := newBench(t)
	day := filepath.Join(b.dir, "sent", "2020-01-01")
	if err := os.Mkdir(day, 0o755); err != nil {
		t.Fatal(err)
	}
	const messages = 2*listed + 10
	for n := range messages {
		for _, suffix := range []string{"", receiptSuffix} {
			if err := os.WriteFile(filepath.Join(day, fmt.Sprint(n)+suffix), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := b.sent.Prune(t.Context(), time.Now().AddDate(1, 0, 0), hour)
	if err != nil || got.Days != 1 || got.Messages != messages {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPruneDaily(t *testing.T) {
	b := newBench(t)
	durabletest.Put(t, b.dir, map[string][]byte{"sent/.pruned-2020-01-01-77/": nil})
	ctx, stop := context.WithCancel(t.Context())
	told := 0
	PruneDaily(ctx, func() Place { return b.sent }, hour, func(got Pruned, err error) {
		if told++; err != nil || got.Days != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		stop()
	})
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestNoPlaceForADay: the batch fails as a whole, with what is in the way.
func TestNoPlaceForADay(t *testing.T) {
	b := newBench(t)
	item := b.item(1, "a")
	durabletest.Put(t, b.dir, map[string][]byte{"sent/" + today: nil})
	_, err := b.sent.Put(Batch{Items: []Item{item}, Day: noon, Flush: eachByItself})
	var path *fs.PathError
	if !errors.Is(err, durable.ErrNotDirectory) || !errors.As(err, &path) ||
		path.Path != filepath.Join(b.dir, "sent", today) {
		t.Errorf("%v", err)
	}
	if len(b.files("files")) != 1 {
		t.Error("the message is gone")
	}
}
