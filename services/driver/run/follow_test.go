package run_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/run"
	"sealpost/shared/nettest"
)

// journal is a log that tests wait for.
type journal struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{}
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.written <- struct{}{}:
	default:
	}
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// await returns once the log has a text n times.
func (j *journal) await(t *testing.T, text string, n int) {
	t.Helper()
	j.awaitWhile(t, text, n, nil)
}

// awaitWhile is await while a driver runs: its end fails the test.
func (j *journal) awaitWhile(t *testing.T, text string, n int, done <-chan error) {
	t.Helper()
	late := time.After(30 * time.Second)
	for strings.Count(j.String(), text) < n {
		select {
		case <-j.written:
		case err := <-done:
			t.Fatalf("it ended with %v before %q came %d times:\n%s", err, text, n, j)
		case <-late:
			t.Fatalf("%q did not come %d times:\n%s", text, n, j)
		}
	}
}

// following is a driver that follows a server.
type following struct {
	*journal
	out  strings.Builder
	end  context.CancelFunc
	done chan error
}

func follow(t *testing.T, cfg run.Settings) *following {
	ctx, end := context.WithCancel(t.Context())
	f := &following{journal: &journal{written: make(chan struct{}, 1)}, end: end, done: make(chan error, 1)}
	cfg.Print, cfg.Poll, cfg.LogFormat = "line", 10*time.Millisecond, "json"
	go func() { f.done <- run.Follow(ctx, cfg, nil, &f.out, f.journal) }()
	return f
}

// relay passes FTP control connections on until it is cut.
type relay struct {
	net.Listener
	bytes, commands atomic.Int64 // that the server sent; lines with SIZE for the manifest
	mu              sync.Mutex
	conns           []net.Conn
	all             sync.WaitGroup
}

func startRelay(t *testing.T, l net.Listener, server string) *relay {
	r := &relay{Listener: l}
	r.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("tcp", server)
			if err != nil {
				t.Error(err)
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, client, conn)
			r.mu.Unlock()
			r.all.Go(func() { _, _ = io.Copy(conn, io.TeeReader(client, counter{&r.commands, "SIZE manifest"})) })
			r.all.Go(func() { _, _ = io.Copy(client, io.TeeReader(conn, counter{&r.bytes, ""})) })
		}
	})
	t.Cleanup(r.cut)
	return r
}

// counter counts bytes, or the writes that begin with a text: a command each.
type counter struct {
	n    *atomic.Int64
	text string
}

func (c counter) Write(p []byte) (int, error) {
	switch {
	case c.text == "":
		c.n.Add(int64(len(p)))
	case strings.HasPrefix(string(p), c.text):
		c.n.Add(1)
	}
	return len(p), nil
}

// cut ends all connections, and takes no more.
func (r *relay) cut() {
	_ = r.Close()
	r.mu.Lock()
	for _, conn := range r.conns {
		_ = conn.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.all.Wait()
}

// TestFollow: what comes is collected, while the server restarts nothing is lost and
// the log says so once, and the end is no failure.
func TestFollow(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	v.PutCheckpoint(1)
	server := string(cfg.FTPAddr)
	r := startRelay(t, nettest.Listen(t), server)
	at := r.Addr().String()
	if err := cfg.FTPAddr.UnmarshalText([]byte(at)); err != nil {
		t.Fatal(err)
	}
	f := follow(t, cfg)
	f.await(t, "up to date", 1)
	v.Add("b.txt", []byte("text"))
	v.PutCheckpoint(2)
	f.await(t, "downloaded server_message1.txt", 1)

	r.cut()
	f.await(t, "trouble, trying again", 1)
	v.Add("c.txt", []byte("text"))
	v.PutCheckpoint(3)
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	startRelay(t, l, server)
	f.await(t, "the trouble is over", 1)
	f.await(t, "downloaded server_message2.txt", 1)
	f.end()
	if err := <-f.done; err != nil {
		t.Errorf("ended with %v", err)
	}
	if n := strings.Count(f.out.String(), "\n"); n != 3 {
		t.Errorf("%d lines:\n%s", n, f.out.String())
	}
	if kept(t, cfg) != v.SignCheckpoint(3) || !strings.Contains(f.String(), ", 3 new; checkpoint of 3 lines verified; ") {
		t.Errorf("log:\n%s", f)
	}
	if n := strings.Count(f.String(), "trouble, trying again"); n > 2 { // the end of the session, then no other
		t.Errorf("the same trouble is logged more than once:\n%s", f)
	}
}

// TestLookIsSmall: with nothing new a look costs some hundred bytes, over the session
// of the look before, however many messages there are.
func TestLookIsSmall(t *testing.T) {
	v := drivertest.NewVolume(t)
	for range 200 {
		v.Add("a.txt", []byte("text"))
	}
	v.PutCheckpoint(200)
	r := startRelay(t, nettest.Listen(t), drivertest.Serve(t, v.Dir, nil))
	w := collector.NewWatch(collector.Config{
		Addr: r.Addr().String(), User: drivertest.User, Password: drivertest.Password,
	})
	defer w.Close()
	first, err := w.Look(t.Context())
	before := r.bytes.Load()
	for range 10 {
		if again, err2 := w.Look(t.Context()); err != nil || err2 != nil || again != first {
			t.Fatalf("%+v, %+v, %v, %v", first, again, err, err2)
		}
	}
	each := (r.bytes.Load()-before)/10 + int64(len(first.Checkpoint))
	if first.Manifest < 40_000 || each > 700 || r.commands.Load() != 11 {
		t.Errorf("%d bytes a look, manifest of %d, %d looks seen", each, first.Manifest, r.commands.Load())
	}
}

// TestFollowStops where the server shows another past: that cannot get well.
func TestFollowStops(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	v.PutCheckpoint(3)
	f := follow(t, cfg)
	f.await(t, "up to date", 1)
	v.SetManifest(strings.Replace(v.Lines(3), "a.txt", "b.txt", 1) + " ")
	var failed *run.FailedError
	select {
	case err := <-f.done:
		if !errors.As(err, &failed) || !errors.Is(err, collector.ErrChanged) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("it goes on:\n%s", f)
	}
}

// TestFollowStaysWithTrouble: a file that is missing is tried again, and comes.
func TestFollowStaysWithTrouble(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	text := v.Read("server_message0.txt")
	v.Remove("server_message0.txt")
	f := follow(t, cfg)
	f.await(t, "missing on the server", 1)
	v.Write("server_message0.txt", text)
	f.await(t, "the trouble is over", 1)
	f.end()
	if err := <-f.done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(cfg.OutputDir, "server_message0.txt")); err != nil {
		t.Error(err)
	}
}

// TestFollowHandsOn: each message is handed on as it comes, once, by one position for
// all passes.
func TestFollowHandsOn(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	v.PutCheckpoint(1)
	cfg.MessagesDir = filepath.Join(t.TempDir(), "messages")
	f := follow(t, cfg)
	f.await(t, `"up to date"`, 1)
	v.Add("later.txt", []byte("later"))
	v.PutCheckpoint(2)
	f.await(t, `"message":"handed on"`, 2)
	f.end()
	if err := <-f.done; err != nil {
		t.Errorf("%v\n%s", err, f)
	}
	handed, err := os.ReadFile(filepath.Join(cfg.OutputDir, "handed"))
	names, e := os.ReadDir(cfg.MessagesDir)
	if err := errors.Join(err, e); err != nil || string(handed) != "2\n" || len(names) != 2 {
		t.Errorf("position %q, %v, %v\n%s", handed, names, err, f)
	}
}
