package outbox_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/outbox"
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
	f := &fixture{Outbox: drivertest.NewOutbox(t), t: t, volume: drivertest.NewVolume(t)}
	for _, file := range [][2]string{{"a.txt", ""}, {"b.txt", "two"}, {"c.receipt", "three"}} {
		f.Sent(f.volume.Add(file[0], []byte(file[1])), file[1])
	}
	return f
}

// check loads the outbox and matches it with items for the whole volume.
func (f *fixture) check(change func(item *collector.Item)) *outbox.Receipts {
	r := outbox.Load(f.Dir, f.Pins())
	for _, e := range f.volume.Entries {
		item := collector.Item{Entry: e, Line: []byte(f.volume.Line(e)), Path: filepath.Join(f.volume.Dir, e.File)}
		if change != nil {
			change(&item)
		}
		r.Match(item)
	}
	return r
}

func TestReceiptsThatAreTrue(t *testing.T) {
	f := newFixture(t)
	r := f.check(nil)
	if failures := append(r.Failures(), r.Unmatched()...); len(failures) > 0 || r.Verified() != 3 {
		t.Errorf("%d verified, %v", r.Verified(), errors.Join(failures...))
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
	if text := failures[0].Error(); !strings.Contains(text, "d.txt") || !strings.Contains(text, "too large") || strings.Contains(text, "\x1b") {
		t.Errorf("refused: %q", text)
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
		}, want: outbox.ErrRefused},
		{name: "no receipt", change: func(f *fixture, e logfile.Entry) {
			f.Remove(drivertest.SentPath(e) + receipt.FileSuffix)
		}, want: outbox.ErrNoReceipt},
		{name: "nothing in the directory", change: func(f *fixture, e logfile.Entry) {
			f.Remove(drivertest.SentPath(e))
			f.Remove(drivertest.SentPath(e) + receipt.FileSuffix)
		}, want: outbox.ErrNoReceipt},
		{name: "no message", change: func(f *fixture, e logfile.Entry) { f.Remove(drivertest.SentPath(e)) }, want: outbox.ErrNoMessage},
		{name: "message of another size", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e), strings.Repeat("x", int(e.Size)+1))
		}, want: outbox.ErrMessage},
		{name: "another message of that size", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e), strings.Repeat("x", int(e.Size)))
		}, want: outbox.ErrMessage},
		{name: "signed by another server", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, f.Sign(drivertest.NewIdentity(f.t), e))
		}, want: receipt.ErrSignature},
		{name: "changed", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, strings.Replace(f.Sign(f.Server, e), "store-17", "store-18", 1))
		}, want: receipt.ErrSignature},
		{name: "no receipt by its form", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, "hello")
		}, want: receipt.ErrMalformed},
		{name: "too long", change: func(f *fixture, e logfile.Entry) {
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, f.Sign(f.Server, e)+strings.Repeat("x", receipt.MaxSize))
		}, want: receipt.ErrMalformed},
		{name: "of another id", change: func(f *fixture, e logfile.Entry) {
			path := drivertest.SentPath(e) + receipt.FileSuffix
			e.ID[0]++
			f.Put(path, f.Sign(f.Server, e))
		}, want: outbox.ErrID},
		{name: "with another line", change: func(f *fixture, e logfile.Entry) {
			e.ReceivedAt = e.ReceivedAt.Add(1)
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, f.Sign(f.Server, e))
		}, want: outbox.ErrLine},
		{name: "with a number past the end", change: func(f *fixture, e logfile.Entry) {
			e.Seq, e.File = 9, logfile.FileName(9)
			f.Put(drivertest.SentPath(e)+receipt.FileSuffix, f.Sign(f.Server, e))
		}, want: outbox.ErrNoLine},
		{name: "not collected", item: func(item *collector.Item) {
			item.Err = &collector.FileError{Seq: item.Entry.Seq, Cause: collector.ErrDigest}
		}, want: outbox.ErrNotCollected},
		{name: "gone", item: func(item *collector.Item) { item.Gone = true }, want: outbox.ErrNotCollected},
		{name: "collected file changed", change: func(f *fixture, e logfile.Entry) {
			f.volume.Write(e.File, bytes.ToUpper(f.volume.Read(e.File)))
		}, want: collector.ErrDigest},
		{name: "collected file away", change: func(f *fixture, e logfile.Entry) { f.volume.Remove(e.File) }, want: os.ErrNotExist},
		{name: "unreadable", change: func(f *fixture, e logfile.Entry) {
			f.Remove("sent/" + e.ID.String())
			f.Put("sent/"+e.ID.String(), "a file where a directory should be")
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
			failures := append(r.Failures(), r.Unmatched()...)
			if len(failures) != 1 || test.want != nil && !errors.Is(failures[0], test.want) {
				t.Fatalf("%v, want %v", errors.Join(failures...), test.want)
			}
			var failure *outbox.Failure
			if !errors.As(failures[0], &failure) || r.Verified() < 2 {
				t.Errorf("%d verified, %v", r.Verified(), failures[0])
			}
		})
	}
}

func TestNoReceiptAtAll(t *testing.T) {
	f := newFixture(t)
	f.Remove("sent")
	if failures := f.check(nil).Failures(); len(failures) != 1 || !errors.Is(failures[0], outbox.ErrNone) {
		t.Errorf("%v", errors.Join(failures...))
	}
}
