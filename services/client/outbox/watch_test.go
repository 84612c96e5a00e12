package outbox

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// With a yield a client sends one at a time and rests between, but not after
// the last one: this test would take an hour.
func TestYieldEndsWhenNothingIsLeft(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"first": "1"})
	cfg := b.config()
	cfg.Yield = time.Hour
	b.run(cfg)
	b.onlySent(map[string]string{"first": "1"}, message.None)
}

// While one client rests, others may take the next file; they end together.
func TestYieldLeavesTheNextToOthers(t *testing.T) {
	b := newBench(t)
	files := manyFiles(6)
	b.put(files)
	done := make(chan Outcome, len(files))
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second) // else two may wait for each other for ever
	defer cancel()
	for range len(files) {
		go func() {
			cfg := b.config()
			cfg.Yield = time.Hour
			out, err := Run(ctx, cfg)
			if err != nil {
				t.Error(err)
			}
			done <- out
		}()
	}
	for range len(files) {
		if out := <-done; out.Sent != 1 {
			t.Errorf("a client sent %d, want one each", out.Sent)
		}
	}
	b.onlySent(files, message.None)
}

func TestWaitsForAFileOpenForWriting(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.dir, "growing")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg := b.config()
	waiting := awaitLog(&cfg, "waiting for other clients")
	done := make(chan error, 1)
	go func() {
		_, err := Run(b.Context(), cfg)
		done <- err
	}()
	<-waiting
	if _, err := f.WriteString("all of it"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.onlySent(map[string]string{"growing": "all of it"}, message.None)
}

func TestWatchStaysUntilStopped(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.Watch = true
	cfg.poll = time.Millisecond
	sent := make(chan string)
	cfg.Settled = func(r Result) { sent <- r.Name }
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, cfg)
		done <- err
	}()
	for _, name := range []string{"one", "two"} {
		b.put(map[string]string{name: "content of " + name})
		if got := <-sent; got != name {
			t.Errorf("sent %q, want %q", got, name)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.onlySent(map[string]string{"one": "content of one", "two": "content of two"}, message.None)
}

// What is put into an outbox that is watched goes without a look that is due by
// time: this test would take an hour.
func TestWatchIsTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell of new names")
	}
	b := newBench(t)
	b.mkdir("not a message")
	cfg := b.config()
	cfg.Watch = true
	cfg.poll = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	cfg.Settled = func(Result) { stop() }
	looked := awaitLog(&cfg, "only regular files are messages")
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, cfg)
		done <- err
	}()
	<-looked
	b.put(map[string]string{"message": "m"})
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the message was not looked for")
		stop()
		<-done
	}
}

// A stop lets what is in flight finish; what cannot is left for the next run.
func TestStopInFlight(t *testing.T) {
	for _, finishes := range []bool{true, false} {
		b := newBench(t)
		files := map[string]string{"message": "m"}
		b.put(files)
		cfg := b.config()
		cfg.Watch = true
		cfg.drain = time.Millisecond
		ctx, stop := context.WithCancel(t.Context())
		cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
			stop()
			if !finishes {
				<-ctx.Done()
				return courier.Delivery{}, &courier.UnknownError{ID: m.ID, Cause: ctx.Err()}
			}
			return b.ledger.deliver(ctx, m)
		}
		out, err := Run(ctx, cfg)
		if err != nil {
			t.Error(err)
		}
		if finishes != (out.Sent == 1) {
			t.Errorf("finishes %v: outcome %+v", finishes, out)
		}
		b.run(b.config())
		b.onlySent(files, message.None)
	}
}

// What is left alone is tried again after a while, by a client that stays.
func TestWatchTriesAgain(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	cfg.Watch = true
	cfg.poll, cfg.retry = time.Millisecond, time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	cfg.Settled = func(Result) { stop() }
	failed := false
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if !failed {
			failed = true
			return courier.Delivery{}, &courier.UnknownError{ID: m.ID, Cause: os.ErrDeadlineExceeded}
		}
		return b.ledger.deliver(ctx, m)
	}
	if _, err := Run(ctx, cfg); err != nil {
		t.Error(err)
	}
	b.onlySent(files, message.None)
}
