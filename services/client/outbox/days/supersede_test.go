package days

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

// other is the receipt of a message that another logbook gives.
func other(text []byte) []byte { return append(slices.Clone(text), "other\n"...) }

// supersede gives every message in a place another receipt, unless it has that.
func (p Place) supersede(at time.Time) error {
	return p.Since(context.Background(), noon, 2, func(in *durable.Dir, some []Delivered) error {
		var all []Renewal
		for _, m := range some {
			if m.Err != nil {
				return m.Err
			}
			if text := other(m.Receipt); !strings.HasSuffix(string(m.Receipt), "other\n") {
				all = append(all, Renewal{m, text})
			}
		}
		return p.Supersede(in, all, at, eachByItself)
	})
}

var sentNames = []string{"a", "b/c", "b/d", "e"}

// sentFiles are messages that were sent.
func sentFiles() map[string][]byte {
	files := make(map[string][]byte)
	for n, name := range sentNames {
		files["sent/"+today+"/"+name] = []byte(name)
		files["sent/"+today+"/"+name+receiptSuffix] = itemOf(n, name).Text
	}
	return files
}

// onlySuperseded wants each message with its other receipt, and the former one once.
func onlySuperseded(t *testing.T, dir string) {
	t.Helper()
	found := openBench(t, dir).files("sent")
	for n, name := range sentNames {
		path, text := today+"/"+name, string(itemOf(n, name).Text)
		if found[path] != name || found[path+receiptSuffix] != text+"other\n" {
			t.Errorf("%s: %q, %q", path, found[path], found[path+receiptSuffix])
		}
		delete(found, path)
		delete(found, path+receiptSuffix)
		aside := 0
		for of, now := range found {
			if file, ok := receipt.SupersededOf(of); ok && file == path+receiptSuffix && now == text {
				aside++
				delete(found, of)
			}
		}
		if aside != 1 {
			t.Errorf("%s was set aside %d times", path, aside)
		}
	}
	if len(found) > 0 {
		t.Errorf("besides: %q", slices.Sorted(maps.Keys(found)))
	}
}

// TestPowerCutWhileSuperseding: a message always has one of its two receipts, whole;
// and what was begun is brought to its end.
func TestPowerCutWhileSuperseding(t *testing.T) {
	powerCut{plan: plan{Supersede: true}, there: sentFiles(), check: func(t *testing.T, dir string, ended bool) {
		t.Helper()
		left := durabletest.Get(t, dir)
		for n, name := range sentNames {
			path, text := "sent/"+today+"/"+name, itemOf(n, name).Text
			now := string(left[path+receiptSuffix])
			if string(left[path]) != name || now != string(text) && now != string(other(text)) {
				t.Errorf("%s: %q, %q", path, left[path], now)
			}
			if now == string(text) {
				continue
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(left)), func(name string) bool {
				of, ok := receipt.SupersededOf(name)
				return ok && of == path+receiptSuffix && string(left[name]) == string(text)
			}) {
				t.Errorf("the former receipt of %s is lost", path)
			}
		}
		if again := (plan{Dir: dir, Supersede: true}); !ended {
			if err := again.run(); err != nil {
				t.Error(err)
			}
		}
		onlySuperseded(t, dir)
	}}.everywhere(t)
}

// TestSupersedeTwice: nothing that was set aside is replaced, also within a second.
func TestSupersedeTwice(t *testing.T) {
	b := newBench(t)
	file := "sent/" + today + "/a" + receiptSuffix
	texts := [][]byte{receiptOf(itemOf(1, "a").ID)}
	durabletest.Put(t, b.dir, map[string][]byte{"sent/" + today + "/a": []byte("a"), file: texts[0]})
	for n := range 3 {
		texts = append(texts, other(texts[n]))
		err := b.sent.Since(t.Context(), noon, 1, func(in *durable.Dir, some []Delivered) error {
			return b.sent.Supersede(in, []Renewal{{some[0], texts[n+1]}}, noon, eachByItself)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	left := durabletest.Get(t, b.dir)
	for n, text := range texts {
		name := receipt.SupersededName(file, noon.Add(time.Duration(n)*time.Second))
		if n == 3 {
			name = file
		}
		if string(left[name]) != string(text) {
			t.Errorf("%s is not receipt %d", name, n)
		}
	}
	got, err := b.sent.Prune(t.Context(), time.Now().AddDate(1, 0, 0), hour)
	if err != nil || got.Days != 1 || got.Messages != 1 || len(b.files("sent")) > 0 {
		t.Errorf("pruned %+v, %v: %q", got, err, b.files("sent"))
	}
}

// TestSinceDays: days that ended more than a day before are not looked at.
func TestSinceDays(t *testing.T) {
	b := newBench(t)
	for _, day := range []string{"2026-11-24", "2026-11-25", today, "x"} {
		durabletest.Put(t, b.dir, map[string][]byte{"sent/" + day + "/a": nil, "sent/" + day + "/a.tlog-proof": nil})
	}
	var found []string
	err := b.sent.Since(t.Context(), noon, 9, func(_ *durable.Dir, some []Delivered) error {
		for _, m := range some {
			found = append(found, filepath.Dir(m.Path))
		}
		return nil
	})
	if want := []string{"2026-11-25", today}; err != nil || !slices.Equal(found, want) {
		t.Errorf("%q, %v", found, err)
	}
}
