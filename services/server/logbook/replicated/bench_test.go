package replicated

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/stream/natstest"
)

// nodesVariable names a directory for the nodes' files, so that they can lie on a file system of
// their own.
const nodesVariable = "SEALPOST_BENCH_NODES"

// benchNodes starts three nodes.
func benchNodes(b *testing.B) *natstest.Cluster {
	b.Helper()
	var dirs []string
	if root := os.Getenv(nodesVariable); root != "" {
		for i := range 3 {
			dirs = append(dirs, filepath.Join(root, fmt.Sprint("node", i+1)))
		}
	}
	return natstest.Start(b, natstest.Options{Dirs: dirs})
}

// BenchmarkRate keeps messages of 1 KiB on three nodes with so many under way, by one server and
// by three, beside a publisher that sends as large entries to the same nodes and waits for their
// acknowledgements alone.
func BenchmarkRate(b *testing.B) {
	nodes, volumes := benchNodes(b), b.TempDir()
	for _, window := range []int{256, 1024} {
		b.Run(fmt.Sprintf("publisher/%d", window), func(b *testing.B) {
			log := streamLog(b, nodes, fmt.Sprintf("PUBLISHER_%d_%d", window, b.N), "a")()
			u, data := newUnderway(b, window), make([]byte, 1500)
			for b.Loop() {
				ended := u.begin()
				log.Publish(data, func(_ uint64, err error) { ended(err) })
			}
			u.finish()
		})
		b.Run(fmt.Sprintf("volume/%d", window), func(b *testing.B) {
			cfg := benchConfig(filepath.Join(volumes, fmt.Sprintf("VOLUME_%d_%d", window, b.N)), "", nil)
			book, err := local.Open(cfg.Local)
			if err != nil {
				b.Fatal(err)
			}
			u := newUnderway(b, window)
			for b.Loop() {
				keepOne(b, book, u)
			}
			u.finish()
			_ = book.Close()
		})
		for _, servers := range [][]string{{"a"}, {"a", "b", "c"}} {
			b.Run(fmt.Sprintf("servers%d/%d", len(servers), window), func(b *testing.B) {
				name := fmt.Sprintf("SERVERS%d_%d_%d", len(servers), window, b.N)
				books := benchBooks(b, nodes, volumes, name, 256<<20, servers)
				u := newUnderway(b, window)
				for i := 0; b.Loop(); i++ {
					keepOne(b, books[i%len(books)], u)
				}
				u.finish()
			})
		}
	}
}

// BenchmarkGrowth keeps ten thousand messages, a hundred thousand and a million, and tells what
// memory a server and its largest node have then: once is enough. What a server holds grows from
// one rotation of its records to the next, so it is looked at all through a few of them.
func BenchmarkGrowth(b *testing.B) {
	const rotations, between = 30_000, 1_000 // messages
	for b.Loop() {
		nodes := benchNodes(b)
		book := benchBooks(b, nodes, b.TempDir(), "GROWTH", 3<<30, []string{"a"})[0]
		u, kept := newUnderway(b, 256), 0
		keep := func(upTo int) {
			for ; kept < upTo; kept++ {
				keepOne(b, book, u)
			}
			u.wait()
			u.took = nil // else they would be in what is measured
		}
		for _, messages := range []int{10_000, 100_000, 1_000_000} {
			var own, node []uint64
			for at := messages; at <= messages+rotations; at += between {
				keep(at)
				own, node = append(own, heap()), append(node, slices.Max(nodes.Memory()))
			}
			report := func(what string, bytes uint64) {
				b.ReportMetric(float64(bytes)/(1<<20), fmt.Sprintf("%s-MiB/%d", what, messages))
			}
			report("server-least", slices.Min(own))
			report("server-most", slices.Max(own))
			report("node-most", slices.Max(node))
		}
	}
}

// heap is what this process holds on its heap, in bytes, once what is left was collected.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what was pooled goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchBooks opens a logbook for each server, on volumes below a directory. That outlasts the
// logbooks: where many files were just removed, ext4 takes long to make new ones.
func benchBooks(
	b *testing.B, nodes *natstest.Cluster, volumes, name string, most int64, servers []string,
) (books []*Logbook) {
	b.Helper()
	connect := sizedLog(b, nodes, name, most, servers...)
	for _, server := range servers {
		books = append(books, ready(b, open(b, benchConfig(filepath.Join(volumes, name, server), server, connect()))))
	}
	return books
}

// benchConfig has the times and bounds of a server, and not those of tests.
func benchConfig(dir, server string, log Log) Config {
	cfg := testConfig(dir, server, log)
	cfg.PublishAgain, cfg.SaveEvery, cfg.RetryEvery = 0, 0, 0
	cfg.Local.RotateAfter, cfg.Local.RetryEvery = 0, 0
	return cfg
}

var benchContent = make([]byte, 1024)

func keepOne(b *testing.B, book logbook.Logbook, u *underways) {
	ended := u.begin()
	s, err := logbooktest.Stage(b.Context(), book, logbooktest.Draft("a", benchContent), benchContent)
	if err != nil {
		b.Fatal(err)
	}
	s.Commit(b.Context(), func(_ logbook.Facts, err error) { ended(err) })
}

// underways are what is under way, no more than the window at once, and how long each took.
type underways struct {
	b    *testing.B
	free chan struct{}

	mu   sync.Mutex
	took []time.Duration
}

func newUnderway(b *testing.B, window int) *underways {
	return &underways{b: b, free: make(chan struct{}, window)}
}

func (u *underways) begin() (ended func(error)) {
	u.free <- struct{}{}
	began := time.Now()
	return func(err error) {
		took := time.Since(began)
		u.mu.Lock()
		u.took = append(u.took, took)
		u.mu.Unlock()
		if <-u.free; err != nil {
			u.b.Error(err)
		}
	}
}

// wait returns once nothing is under way.
func (u *underways) wait() {
	for range cap(u.free) {
		u.free <- struct{}{}
	}
	for range cap(u.free) {
		<-u.free
	}
}

// finish waits, and reports the latencies.
func (u *underways) finish() {
	u.wait()
	slices.Sort(u.took)
	at := func(percent int) float64 { return u.took[(len(u.took)-1)*percent/100].Seconds() * 1000 }
	u.b.ReportMetric(at(50), "p50-ms")
	u.b.ReportMetric(at(99), "p99-ms")
}
