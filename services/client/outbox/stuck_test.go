package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/message"
)

// many is how many messages are stuck.
const many = mostNamed

// stuck are many messages, each larger than the room that a server has, before a
// small one.
func stuck() map[string]string {
	files := map[string]string{"small": "fits\r\n"}
	for i := range many {
		files[fmt.Sprintf("0 large %d", i)] = strings.Repeat("x", 3<<20)
	}
	return files
}

const smallRoom = 1 << 20

// counter counts log lines with a text.
type counter struct {
	mu    sync.Mutex
	lines map[string]int
}

func count(cfg *Config, texts ...string) *counter {
	c := &counter{lines: make(map[string]int)}
	cfg.Log = zerolog.New(writerFunc(func(line []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, text := range texts {
			if bytes.Contains(line, []byte(text)) {
				c.lines[text]++
			}
		}
	}))
	return c
}

const noRoom = "server: no room for it now, try again later (no space)"

// Messages that the server has no room for let another pass, and are left
// with the server's reason once nothing moves any more.
func TestStuckMessagesLetOthersPass(t *testing.T) {
	s, b := newServer(t), newBench(t)
	s.start(smallRoom)
	b.put(stuck())
	cfg := s.config(b, s.addr)
	cfg.retry, cfg.poll, cfg.Timeout = time.Millisecond, time.Millisecond, 500*time.Millisecond
	c := count(&cfg, noRoom)
	out := b.run(cfg)
	if out.Sent != 1 || len(out.Left) != many {
		t.Fatalf("outcome %+v", out)
	}
	for _, left := range out.Left {
		var postponed *courier.PostponedError
		if !errors.As(left.Err, &postponed) || postponed.Reason != noRoom || left.ID != postponed.ID {
			t.Errorf("left %+v", left)
		}
	}
	if c.lines[noRoom] != many {
		t.Errorf("%d lines name the reason, want one for each message", c.lines[noRoom])
	}
	if got := b.ends(box.Sent); len(got) != 2 || len(b.held()) != many {
		t.Errorf("%d files in sent, %d held", len(got), len(b.held()))
	}
}

// So do more groups than one client may hold, each with a message that cannot go now.
func TestStuckGroupsLetOthersPass(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"small": "fits"})
	for n := range MostGroups + 2 {
		b.abandon(fmt.Sprintf("stuck %d", n), "x", nil)
	}
	cfg := b.config()
	cfg.retry, cfg.poll, cfg.Timeout = time.Millisecond, time.Millisecond, 500*time.Millisecond
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name != "small" {
			return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "for now"}
		}
		return b.ledger.deliver(ctx, m)
	}
	if out := b.run(cfg); out.Sent != 1 || len(out.Left) != MostGroups+2 {
		t.Errorf("outcome %+v", out)
	}
}

// A message of a group that was put off is tried alone at first: what ends connections
// does not take the others with it.
func TestPutOffMessagesGoAlone(t *testing.T) {
	b := newBench(t)
	b.put(manyFiles(8))
	cfg := b.config()
	cfg.retry, cfg.poll, cfg.Timeout = time.Millisecond, time.Millisecond, 200*time.Millisecond
	var mu sync.Mutex
	tried, flying := make(map[message.ID]bool), 0
	cfg.Deliver = func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		mu.Lock()
		if flying++; flying > 1 && tried[m.ID] {
			t.Error("it is tried beside another one")
		}
		tried[m.ID] = true
		mu.Unlock()
		for range 1000 {
			runtime.Gosched() // so that others come, if they may
		}
		mu.Lock()
		flying--
		mu.Unlock()
		return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "for now"}
	}
	if out := b.run(cfg); len(out.Left) != 8 || len(tried) != 8 {
		t.Errorf("outcome %+v", out)
	}
}

// Once nothing has moved for the timeout nothing is tried again: of very many
// messages one is due at each look, and the run would never end.
func TestNothingIsTriedAgainAfterTheTimeout(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	cfg := b.config()
	cfg.retry, cfg.Timeout = 1, time.Hour
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		t.Errorf("%q was tried again", m.Name)
		return b.ledger.deliver(ctx, m)
	}
	o, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o.moved = time.Now().Add(-2 * time.Hour)
	message := thing{name: "message"}
	o.later.add(message, []Left{{Name: message.name, Err: &courier.PostponedError{}}}, false)
	for due := false; !due; {
		_, due = o.later.state(message)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	o.stop = stop
	if err := o.loop(ctx, ctx); err != nil || len(o.later.left()) != 1 {
		t.Errorf("left %v, error %v", o.later.left(), err)
	}
	o.inFlight.Wait()
}

// A client that stays sends them as soon as there is room, under the same ids.
func TestStuckMessagesGoWhenThereIsRoom(t *testing.T) {
	s, b := newServer(t), newBench(t)
	s.start(smallRoom)
	b.put(stuck())
	cfg := s.config(b, s.addr)
	cfg.retry, cfg.poll, cfg.Watch = time.Millisecond, time.Millisecond, true
	sent := make(chan message.ID, 2*many)
	cfg.Settled = func(r Result) { sent <- r.ID }
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { _, err := Run(ctx, cfg); ended <- err }()
	<-sent
	held := b.held()
	for len(held) < many { // all are claimed before the last is refused for now
		held = b.held()
	}
	s.stop()
	s.start(1 << 30)
	for range many {
		if id := <-sent; !slices.Contains(held, id) {
			t.Errorf("%s was sent under a new id", id)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := len(b.ends(box.Sent)); n != 2*(many+1) {
		t.Errorf("%d files lie in sent", n)
	}
}

// held returns the ids in the records of groups.
func (b bench) held() (ids []message.ID) {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join(b.dir, box.Sending, "*", ".records.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range paths {
		text, _ := os.ReadFile(path) // a group that is at its end may be gone
		for line := range bytes.Lines(text) {
			var rec group.Record
			if json.Unmarshal(line, &rec) == nil && rec.Size > smallRoom {
				ids = append(ids, rec.ID)
			}
		}
	}
	return ids
}

// So do those under which every connection ends.
func TestMessagesThatEndConnectionsLetOthersPass(t *testing.T) {
	s, b := newServer(t), newBench(t)
	s.start(1 << 30)
	files := make(map[string]string)
	for name := range stuck() {
		files[name] = "content"
	}
	b.put(files)
	r := newRelay(t, s.addr)
	cfg := s.config(b, r.Addr().String())
	cfg.Watch, cfg.poll = true, time.Millisecond
	deliver := cfg.Deliver
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if open := m.Open; m.Name != "small" {
			m.Open = func() (io.ReadSeekCloser, error) { r.cut(); return open() }
		}
		return deliver(ctx, m)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cfg.drain = time.Millisecond
	cfg.Settled = func(r Result) {
		if r.Name == "small" {
			stop()
		}
	}
	if _, err := Run(ctx, cfg); err != nil || ctx.Err() == nil {
		t.Error(err)
	}
}

// A message is named when it is put off and when the reason changes, and not
// for each try.
func TestReasonIsNamedWhenItChanges(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	cfg.retry, cfg.poll = time.Millisecond, time.Millisecond
	tries := 0
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if !m.Postpone {
			t.Error("the courier would try it again by itself")
		}
		switch tries++; {
		case tries <= 3:
			return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "first reason\x1b"}
		case tries <= 6:
			return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "other reason"}
		}
		return b.ledger.deliver(ctx, m)
	}
	c := count(&cfg, `first reason\\x1b`, "other reason", "reason")
	b.run(cfg)
	if c.lines[`first reason\\x1b`] != 1 || c.lines["other reason"] != 1 || c.lines["reason"] != 2 {
		t.Errorf("lines %v", c.lines)
	}
	b.onlySent(files, message.None)
}

// What was put off and is sent by another client is forgotten.
func TestAnotherClientSendsWhatWasPutOff(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	cfg.retry, cfg.poll = time.Hour, time.Millisecond
	cfg.Deliver = func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "for now"}
	}
	waits := awaitLog(&cfg, "message waits, others go first")
	outcome := make(chan Outcome, 1)
	go func() {
		out, err := Run(t.Context(), cfg)
		if err != nil {
			t.Error(err)
		}
		outcome <- out
	}()
	<-waits
	other := b.config()
	for { // the first one gives its lock up a moment after it says so
		if out := b.run(other); out.Sent == 1 {
			break
		}
	}
	if out := <-outcome; out.Sent != 0 || len(out.Left) != 0 {
		t.Errorf("outcome %+v", out)
	}
	b.onlySent(files, message.None)
}

// A file that cannot be moved is left where it is, and named; others go.
func TestFileThatCannotBeClaimed(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"0 mounted": "x", "message": "m"})
	path := b.dir + "/0 mounted"
	mount(t, path, path, "", bindMount)
	out := b.run(b.config())
	if len(out.Left) != 1 || out.Left[0].Name != "0 mounted" ||
		!errors.As(out.Left[0].Err, new(*ClaimError)) || out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	b.accepted(map[string]string{"message": "m"}, message.None)
}
