package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// script is a fixed run of messages; the records are rotated within it.
func script() (drafts []logbook.Draft, contents [][]byte) {
	for i := range 6 {
		content := bytes.Repeat(fmt.Append(nil, i), i*40)
		d := logbooktest.Draft("a", content)
		if i%2 == 1 {
			d.Cipher, d.EncryptedSize = message.Cipher2012, cipher2012.EncryptedLen(d.Size)
		}
		drafts, contents = append(drafts, d), append(contents, content)
	}
	return drafts, contents
}

// injector makes file operations fail from the one numbered at on: one of them,
// as a passing fault does, or all, which leaves the disk as a kill would.
type injector struct {
	mu    sync.Mutex
	at    int
	all   bool
	count int
	fired chan struct{}
	op    string
}

var errInjected = errors.New("injected fault")

func (x *injector) fault(s disk.Step) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count++
	if x.count-1 < x.at || (!x.all && x.count-1 > x.at) {
		return nil
	}
	if x.count-1 == x.at {
		x.op = fmt.Sprintf("%s %s", s.Op, s.Name)
		close(x.fired)
	}
	return errInjected
}

func (x *injector) hasFired() bool {
	return isClosed(x.fired)
}

func faulty(dir string, x *injector, sharded bool) Config {
	cfg := testConfig(dir)
	cfg.Sharded = sharded
	cfg.seams.Fault = x.fault
	cfg.RotateAfter = 1000 // every second message or so
	cfg.RetryEvery = time.Millisecond
	return cfg
}

// TestCrashPoints stops the disk after every single operation of the script,
// opens the logbook again, and compares it with the receipts given out.
func TestCrashPoints(t *testing.T) {
	bothLayouts(t, func(t *testing.T, sharded bool) {
		for at := 0; ; at++ {
			if !crashAt(t, at, sharded) {
				if at < 60 {
					t.Errorf("the script has only %d operations: something is not going through the volume", at)
				}
				t.Logf("%d crash points", at)
				return
			}
		}
	})
}

func crashAt(t *testing.T, at int, sharded bool) (fired bool) {
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir)
	x := &injector{at: at, all: true, fired: make(chan struct{})}
	drafts, contents := script()
	receipted := make(map[message.ID][]byte)
	if book, err := Open(faulty(dir, x, sharded)); err == nil {
		for i, d := range drafts {
			facts, err := logbooktest.Append(untilFired(t, x), book, d, contents[i])
			if err == nil {
				receipted[d.ID] = facts.Line
			} else if !x.hasFired() {
				t.Fatalf("message %d before any fault: %v", i, err)
			}
		}
		_ = book.Close()
	}
	if !x.hasFired() {
		return false
	}
	checkSurvived(t, "crash at "+x.op, layout(dir, !sharded), drafts, contents, receipted)
	return true
}

// untilFired is a context that ends with the fault: a dead disk answers nobody.
func untilFired(t *testing.T, x *injector) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		select {
		case <-x.fired:
			cancel()
		case <-t.Context().Done():
		}
	}()
	return ctx
}

// checkSurvived opens the logbook, sends everything again, and expects one file
// each, with receipted ones as they were.
func checkSurvived(t *testing.T, name string, cfg Config, drafts []logbook.Draft, contents [][]byte,
	receipted map[message.ID][]byte) {
	t.Helper()
	book, err := Open(compact(cfg))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer book.Close()
	var kept []logbook.Facts
	for i, d := range drafts {
		facts, err := logbooktest.Append(t.Context(), book, d, contents[i])
		if err != nil {
			t.Errorf("%s: message %d sent again: %v", name, i, err)
			continue
		}
		kept = append(kept, facts)
		if line, ok := receipted[d.ID]; ok && !bytes.Equal(line, facts.Line) {
			t.Errorf("%s: message %d had\n%s\nand has\n%s", name, i, line, facts.Line)
		}
	}
	for _, facts := range kept {
		wantReceipt(t, book, facts)
	}
	if n := book.Len(); n != uint64(len(drafts)) {
		t.Errorf("%s: %d messages instead of %d", name, n, len(drafts))
	}
	checked, err := Verify(cfg, func(d Difference) { t.Errorf("%s: %s", name, d) })
	if err != nil || checked.Checked != uint64(len(drafts)) {
		t.Errorf("%s: verified %d files, %v", name, checked.Checked, err)
	}
	// With the book open its checkpoint may be on its way from there.
	if err := book.Close(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if left := staging(t, cfg.Dir); len(left) > 0 {
		t.Errorf("%s: left in staging: %v", name, left)
	}
}

// wantReceipt expects the receipt of a message to prove its line.
func wantReceipt(t *testing.T, book *Logbook, facts logbook.Facts) receipt.Checkpoint {
	t.Helper()
	text, err := book.Receipt(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := testVerifier.Open(text)
	if err != nil || !bytes.Equal(opened.Line, facts.Line) || opened.Index != facts.Entry.Seq {
		t.Errorf("message %d: receipt %+v, %v", facts.Entry.Seq, opened, err)
	}
	return opened.Checkpoint
}

// TestPassingFaults lets one operation fail once. The logbook must get over it
// without a restart, and never give a receipt that does not hold.
func TestPassingFaults(t *testing.T) { bothLayouts(t, passingFaults) }

func passingFaults(t *testing.T, sharded bool) {
	for at := 0; ; at++ {
		dir := durabletest.MemoryDir(t)
		x := &injector{at: at, fired: make(chan struct{})}
		drafts, contents := script()
		receipted := make(map[message.ID][]byte)
		book, err := Open(faulty(dir, x, sharded))
		if err == nil {
			for i, d := range drafts {
				receipted[d.ID] = untilKept(t, book, d, contents[i]).Line
			}
			_ = book.Close()
		} else if !errors.Is(err, errInjected) {
			t.Errorf("open: %v", err)
		}
		if !x.hasFired() {
			t.Logf("%d faults", at)
			return
		}
		checkSurvived(t, "fault at "+x.op, layout(dir, !sharded), drafts, contents, receipted)
	}
}

// untilKept sends a message again until it is kept, as a client does.
func untilKept(t *testing.T, book *Logbook, d logbook.Draft, content []byte) logbook.Facts {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		facts, err := logbooktest.Append(t.Context(), book, d, content)
		if err == nil {
			return facts
		}
		if !errors.Is(err, logbook.ErrUnavailable) && !errors.Is(err, logbook.ErrUnknown) || time.Now().After(deadline) {
			t.Fatalf("not kept: %v", err)
		}
	}
}

func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	cfg.RetryEvery = time.Millisecond
	foreign := filepath.Join(dir, disk.LogsDir, logfile.FileName(0))
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	cfg.seams.Fault = func(s disk.Step) error {
		if s.To == disk.LogsDir+"/"+logfile.FileName(0) {
			giveUp() // or the message would wait for the place for ever
		}
		return nil
	}
	book := open(t, cfg)
	write(t, foreign, "foreign")
	_, err := logbooktest.Append(ctx, book, logbooktest.Draft("a", nil), nil)
	var typed *ForeignFileError
	if !errors.As(err, &typed) || !errors.Is(err, logbook.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if book.Ready() == nil {
		t.Error("readiness stayed green")
	}
	if got := string(read(t, foreign)); got != "foreign" {
		t.Errorf("the foreign file now holds %q", got)
	}
	remove(t, foreign)
	if facts := untilKept(t, book, logbooktest.Draft("a", nil), nil); facts.Entry.Seq != 0 {
		t.Errorf("number %d", facts.Entry.Seq)
	}
	if err := book.Ready(); err != nil {
		t.Errorf("readiness stayed red: %v", err)
	}
}
