package receipts_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/receipts"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// fixture is an outbox whose three files were sent and collected.
type fixture struct {
	*drivertest.Outbox
	t      *testing.T
	volume *drivertest.Volume
}

func newFixture(t *testing.T) *fixture {
	v := drivertest.NewVolume(t)
	f := &fixture{Outbox: drivertest.NewOutbox(t, v), t: t, volume: v}
	for _, file := range [][2]string{{"a.txt", ""}, {"b.txt", "two"}, {"c" + receipt.FileSuffix, "three"}} {
		f.Sent(f.volume.Add(file[0], []byte(file[1])), file[1])
	}
	return f
}

// checked are an outbox's receipts after the whole manifest was read.
type checked struct {
	*receipts.Set
	audit *audit.Audit
}

func (c checked) verified() int { return c.Verified(c.audit) }

// all returns every failure.
func (c checked) all() []error { return append(c.Failures(), c.Unmatched()...) }

// check loads the outbox and matches it with items for the whole volume.
func (f *fixture) check(change func(item *collector.Item)) checked {
	return f.match(receipts.Load(f.Dir, f.volume.Pins()), change)
}

// checkOnly is check for the receipts of one logbook.
func (f *fixture) checkOnly(origin string) checked {
	set := receipts.Load(f.Dir, f.volume.Pins())
	set.Only(origin)
	return f.match(set, nil)
}

func (f *fixture) match(set *receipts.Set, change func(item *collector.Item)) checked {
	r := checked{set, audit.New()}
	for _, head := range r.Heads() {
		r.audit.Expect(head)
	}
	out, err := collector.OpenOutput(f.volume.Dir)
	if err != nil {
		f.t.Fatal(err)
	}
	defer out.Close()
	for _, e := range f.volume.Entries {
		item := collector.Item{Entry: e, Out: out, Line: []byte(f.volume.Line(e)), Path: filepath.Join(f.volume.Dir, e.File)}
		if change != nil {
			change(&item)
		}
		r.audit.Line(item.Line)
		r.Match(item)
	}
	return r
}

func TestReceiptsThatAreTrue(t *testing.T) {
	f := newFixture(t)
	r := f.check(nil)
	if failures := append(r.all(), r.audit.Findings(true)...); len(failures) > 0 || r.verified() != 3 {
		t.Errorf("%d verified, %v", r.verified(), errors.Join(failures...))
	}
}

func TestEveryFailureIsListed(t *testing.T) {
	f := newFixture(t)
	for _, e := range f.volume.Entries {
		f.Put(drivertest.SentPath(e), "another text")
	}
	f.Put("refused/3f/d.txt", "x")
	f.Put("refused/3f/d.txt.reason", "too large\x1b[2J\n")
	f.Put("refused/40/e.txt", "x")
	failures := f.check(nil).Failures()
	if len(failures) != 5 {
		t.Fatalf("%v", errors.Join(failures...))
	}
	if text := failures[0].Error(); !strings.Contains(text, "d.txt") || !strings.Contains(text, "too large") ||
		strings.Contains(text, "\x1b") {
		t.Errorf("refused: %q", text)
	}
}

// TestLogFileThatWasTakenAway: it was compared with its line when it came.
func TestLogFileThatWasTakenAway(t *testing.T) {
	f := newFixture(t)
	f.volume.Remove(f.volume.Entries[1].File)
	r := f.check(func(item *collector.Item) { item.Away = item.Entry.Seq == 1 })
	if failures := r.all(); len(failures) != 0 || r.verified() != 3 {
		t.Errorf("%d verified, %v", r.verified(), errors.Join(failures...))
	}
}

func TestReceiptsThatAreNot(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(f *fixture, e logfile.Entry)
		item   func(item *collector.Item)
		want   error
	}{
		{name: "refused", change: func(f *fixture, e logfile.Entry) {
			f.Put("refused/3f/d.txt.reason", "too large")
		}, want: receipts.ErrRefused},
		{name: "no receipt", change: func(f *fixture, e logfile.Entry) {
			f.Remove(drivertest.ReceiptPath(e))
		}, want: receipts.ErrNoReceipt},
		{name: "no message", change: func(f *fixture, e logfile.Entry) { f.Remove(drivertest.SentPath(e)) },
			want: receipts.ErrNoMessage},
		{name: "message of another size", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e), strings.Repeat("x", int(e.Size)+1))
		}, want: receipts.ErrMessage},
		{name: "another message of that size", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e), strings.Repeat("x", int(e.Size)))
		}, want: receipts.ErrMessage},
		{name: "signed by another server", change: func(f *fixture, e logfile.Entry) {
			f.PutReceipt(e, f.volume.ReceiptBy(drivertest.NewIdentity(f.t), e))
		}, want: receipt.ErrSignature},
		{name: "changed", change: func(f *fixture, e logfile.Entry) {
			f.PutReceipt(e, strings.Replace(f.volume.Receipt(e), "\n2\n", "\n3\n", 1))
		}, want: receipt.ErrSignature},
		{name: "with a proof that was changed", change: func(f *fixture, e logfile.Entry) {
			f.PutReceipt(e, strings.Replace(f.volume.Receipt(e), "\nindex 1\n", "\nindex 0\n", 1))
		}, want: receipt.ErrProof},
		{name: "no receipt by its form", change: func(f *fixture, e logfile.Entry) {
			f.PutReceipt(e, "hello")
		}, want: receipt.ErrMalformed},
		{name: "too long", change: func(f *fixture, e logfile.Entry) {
			f.PutReceipt(e, f.volume.Receipt(e)+strings.Repeat("x", receipt.MaxSize))
		}, want: receipt.ErrMalformed},
		{name: "of another id", change: func(f *fixture, e logfile.Entry) {
			path := drivertest.ReceiptPath(e)
			e.ID[0]++
			f.Put(path, f.volume.Receipt(e))
		}, want: receipts.ErrLine},
		{name: "with another line", change: func(f *fixture, e logfile.Entry) {
			e.ReceivedAt = e.ReceivedAt.Add(1)
			f.PutReceipt(e, f.volume.Receipt(e))
		}, want: receipts.ErrLine},
		{name: "with a number past the end", change: func(f *fixture, e logfile.Entry) {
			e.Seq, e.File = 9, logfile.FileName(9)
			f.PutReceipt(e, f.volume.Receipt(e))
		}, want: receipts.ErrNoLine},
		{name: "not collected", item: func(item *collector.Item) {
			item.Err = &collector.FileError{Seq: item.Entry.Seq, Cause: collector.ErrDigest}
		}, want: receipts.ErrNotCollected},
		{name: "collected file changed", change: func(f *fixture, e logfile.Entry) {
			f.volume.Write(e.File, bytes.ToUpper(f.volume.Read(e.File)))
		}, want: collector.ErrDigest},
		{name: "collected file away", change: func(f *fixture, e logfile.Entry) { f.volume.Remove(e.File) },
			want: os.ErrNotExist},
		{name: "unreadable", change: func(f *fixture, e logfile.Entry) {
			f.Put("sent/2026-11-27", "a file where a directory should be")
		}, want: nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			if test.change != nil {
				test.change(f, f.volume.Entries[1])
			}
			r := f.check(func(item *collector.Item) {
				if test.item != nil && item.Entry.Seq == 1 {
					test.item(item)
				}
			})
			failures := r.all()
			if len(failures) != 1 || test.want != nil && !errors.Is(failures[0], test.want) {
				t.Fatalf("%v, want %v", errors.Join(failures...), test.want)
			}
			var failure *receipts.Error
			if !errors.As(failures[0], &failure) || r.verified() < 2 {
				t.Errorf("%d verified, %v", r.verified(), failures[0])
			}
		})
	}
}

// TestReceiptOfAnotherView: its own line is true, and one before it is another
// in the tree that was signed.
func TestReceiptOfAnotherView(t *testing.T) {
	f := newFixture(t)
	first := &f.volume.Entries[0]
	first.ReceivedAt = first.ReceivedAt.Add(1)
	f.PutReceipt(f.volume.Entries[1], f.volume.Receipt(f.volume.Entries[1]))
	first.ReceivedAt = first.ReceivedAt.Add(-1)
	r := f.check(nil)
	findings := r.audit.Findings(true)
	if len(r.all()) > 0 || len(findings) != 1 || !errors.Is(findings[0], audit.ErrSplit) || r.verified() != 2 {
		t.Errorf("%d verified, %v, %v", r.verified(), errors.Join(findings...), errors.Join(r.all()...))
	}
	if text := findings[0].Error(); !strings.Contains(text, drivertest.ReceiptPath(f.volume.Entries[1])) {
		t.Errorf("%q does not name the receipt", text)
	}
}

// TestTreeOfABadReceipt: what was signed counts, though the receipt does not.
func TestTreeOfABadReceipt(t *testing.T) {
	f := newFixture(t)
	f.Put(drivertest.SentPath(f.volume.Entries[2]), "another text")
	heads := f.check(nil).Heads()
	if len(heads) != 3 || !slices.ContainsFunc(heads, func(h audit.Head) bool { return h.Size == 3 }) {
		t.Errorf("%+v", heads)
	}
}

func TestNoReceiptAtAll(t *testing.T) {
	f := newFixture(t)
	if err := f.check(nil).None(); err == nil { // all of them were matched
		t.Error("none is left, and none is missed")
	}
	if err := receipts.Load(f.Dir, f.volume.Pins()).None(); err != nil {
		t.Error(err)
	}
	f.Remove("sent")
	r := f.check(nil)
	if failures := r.all(); len(failures) > 0 || !errors.Is(r.None(), receipts.ErrNone) {
		t.Errorf("%v, %v", r.None(), errors.Join(failures...))
	}
}
