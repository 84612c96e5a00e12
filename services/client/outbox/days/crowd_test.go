package days

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealpost/shared/durable/durabletest"
)

// names are what each of several clients puts: all of them clash.
func names() (names []string) {
	for n := range 40 {
		names = append(names, []string{"a", "a.tlog-proof", fmt.Sprintf("b/%d", n%7), fmt.Sprintf("b/%d/c", n%7), "b"}[n%5])
	}
	return names
}

// TestGoroutinesAtOnce: every choice of a name is one step.
func TestGoroutinesAtOnce(t *testing.T) {
	b := newBench(t)
	const clients = 4
	var items []Item
	var batches [clients][]Item
	for c := range batches {
		for n, name := range names() {
			batches[c] = append(batches[c], b.item(1000*c+n, name))
		}
		items = append(items, batches[c]...)
	}
	var ended sync.WaitGroup
	for c := range batches {
		ended.Go(func() {
			for len(batches[c]) > 0 { // in groups of ten, which meet in many ways
				some := batches[c][:10]
				batches[c] = batches[c][10:]
				results, err := b.sent.Put(Batch{Items: some, Day: noon, Again: c%2 == 0, Flush: eachByItself})
				if err != nil {
					t.Error(err)
				}
				for n, r := range results {
					if r.Err != nil {
						t.Errorf("%q: %v", some[n].Name, r.Err)
					}
				}
			}
		})
	}
	ended.Wait()
	b.onlySent(items)
}

// TestProcessesAtOnce: clients are processes. One begins anew what it had begun.
func TestProcessesAtOnce(t *testing.T) {
	b := newBench(t)
	var items, begun []Item
	var clients []*exec.Cmd
	var starts []io.WriteCloser
	for c := range 3 {
		p := plan{Dir: b.dir, Names: names(), First: 1000 * c, Wait: true, Again: c == 0}
		for n, name := range p.Names {
			items = append(items, b.item(p.First+n, name))
		}
		if c == 0 {
			begun = items
			b.begin(b.sent, 1, begun...)
		}
		cmd := p.command(t)
		start, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		clients, starts = append(clients, cmd), append(starts, start)
	}
	for _, start := range starts {
		if _, err := io.WriteString(start, "go\n"); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range clients {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	b.onlySent(items)
}

// TestRemovedByHandAllTheTime: somebody moves the day away again and again while
// messages end. Each message is where it was put, or in what was moved away, beside
// its receipt.
func TestRemovedByHandAllTheTime(t *testing.T) {
	b := newBench(t)
	var items []Item
	for n := range 60 {
		items = append(items, b.item(n, []string{"a", "b/c", "b/d/e"}[n%3]))
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ctx.Err() == nil; n++ {
			away := filepath.Join(b.dir, fmt.Sprint("away", n))
			_ = os.Rename(filepath.Join(b.dir, "sent", today), away)
		}
	}()
	for left := items; len(left) > 0; left = left[5:] {
		results, err := b.sent.Put(Batch{Items: left[:5], Day: noon, Flush: eachByItself})
		if err != nil {
			t.Error(err)
		}
		for n, r := range results {
			if r.Err != nil {
				t.Errorf("%q: %v", left[n].Name, r.Err)
			}
		}
	}
	stop()
	<-stopped
	all := durabletest.Get(t, b.dir)
	for _, item := range items {
		found := 0
		for name, text := range all {
			if string(text) == string(item.Text) && string(all[name[:len(name)-len(receiptSuffix)]]) == item.Name {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%q is there %d times", item.Name, found)
		}
	}
}

// TestPruningAtOnce: clients prune the same days, while one puts messages into old
// days, as with a wrong clock. Nothing without a receipt goes.
func TestPruningAtOnce(t *testing.T) {
	b := newBench(t)
	there := map[string][]byte{}
	for day := range 12 {
		for n := range 20 {
			name := fmt.Sprintf("sent/2026-10-%02d/%d", day+1, n)
			there[name], there[name+receiptSuffix] = []byte("m"), []byte("r")
		}
		there[fmt.Sprintf("sent/2026-10-%02d/stray", day+1)] = []byte("stray")
	}
	durabletest.Put(t, b.dir, there)
	later := time.Now().AddDate(1, 0, 0)
	var ended sync.WaitGroup
	for range 3 {
		ended.Go(func() {
			if _, err := b.sent.Prune(t.Context(), later, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	for range 2 { // what one has not seen to its end another one may have put back
		if _, err := b.sent.Prune(t.Context(), later, time.Hour); err != nil {
			t.Error(err)
		}
	}
	found := b.files("sent")
	for name, text := range found {
		if filepath.Base(name) != "stray" || text != "stray" {
			t.Errorf("%q is left", name)
		}
	}
	if len(found) != 12 {
		t.Errorf("%d strays", len(found))
	}
}
