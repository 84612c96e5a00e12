package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// firstDay is when all messages were received first, and restored when again.
var (
	firstDay = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	restored = firstDay.Add(time.Hour)
)

// at is a server whose receipts say what they are of, by a ledger.
func (l ledger) at(logbook string, received time.Time) Deliver {
	return func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		d, err := l.deliver(ctx, m)
		if err != nil {
			return d, err
		}
		d.Entry = logfile.Entry{
			V: 1, ID: m.ID, ReceivedAt: received, Sender: "store-17", Name: m.Name, Cipher: m.Cipher,
			File: logfile.FileName(0), Size: m.Size, SHA256: m.SHA256,
		}
		line, err := d.Entry.Line()
		if err != nil {
			return d, err
		}
		d.Receipt, err = receipt.New(0, line, nil, []byte(receipt.Origin(logbook)+"\n"))
		return d, err
	}
}

// to is the configuration for a server.
func (b bench) to(logbook string, received time.Time) Config {
	cfg := b.configAt(logbook)
	cfg.Deliver = b.ledger.at(logbook, received)
	cfg.Recursive = true
	return cfg
}

// lost sends files, and then has the server lose all messages and its logbook: the
// outbox accepts another one.
func (b bench) lost(files map[string]string) (before map[string]string) {
	b.Helper()
	b.put(files)
	b.run(b.to(testLogbook, firstDay))
	b.forget()
	if _, err := AcceptLogbook(b.dir, otherLogbook); err != nil {
		b.Fatal(err)
	}
	return b.ends(box.Sent)
}

func (b bench) forget() {
	b.Helper()
	for _, name := range b.ledgerNames() {
		if err := os.Remove(filepath.Join(b.ledger.dir, name)); err != nil {
			b.Fatal(err)
		}
	}
}

func (b bench) ledgerNames() (names []string) {
	entries, err := os.ReadDir(b.ledger.dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if isID(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func (b bench) resend(cfg Config, since time.Time) Outcome {
	b.Helper()
	out, err := Resend(b.Context(), cfg, since)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// onlyRenewed wants what lay in sent before, and each receipt set aside once, with
// that of the other logbook in its place.
func (b bench) onlyRenewed(before map[string]string) {
	b.Helper()
	found := b.ends(box.Sent)
	for path, text := range before {
		now := found[path]
		delete(found, path)
		if !strings.HasSuffix(path, receipt.FileSuffix) {
			if now != text {
				b.Errorf("%s holds %q", path, now)
			}
			continue
		}
		id, _ := idOfReceipt(text)
		if got, err := idOfReceipt(now); err != nil || got != id || !strings.Contains(now, receipt.Origin(otherLogbook)) {
			b.Errorf("%s: %q, %v", path, now, err)
		}
		aside := slices.DeleteFunc(slices.Collect(maps.Keys(found)), func(name string) bool {
			of, ok := receipt.SupersededOf(name)
			return !ok || of != path
		})
		if len(aside) != 1 || found[aside[0]] != text {
			b.Errorf("%s was set aside as %q", path, aside)
		}
		for _, name := range aside {
			delete(found, name)
		}
	}
	if len(found) > 0 {
		b.Errorf("besides: %q", slices.Sorted(maps.Keys(found)))
	}
}

var some = map[string]string{"a": "1", "b/c": "2", "b/d": "3", "d.tlog-proof": "4"}

// TestResend: a server that lost everything gets it again under the same ids, and
// only then receipts change, once.
func TestResend(t *testing.T) {
	b := newBench(t)
	before := b.lost(some)
	var told []string
	cfg := b.to(otherLogbook, restored)
	cfg.Settled = func(r Result) { told = append(told, readFile(t, r.Receipt)) }
	out := b.resend(cfg, firstDay)
	if out.Sent != 4 || out.Renewed != 4 || len(out.Left) > 0 {
		t.Errorf("%+v", out)
	}
	b.accepted(some, message.None)
	b.onlyRenewed(before)
	former := func(text string) bool { return !strings.Contains(text, otherLogbook) }
	if len(told) != 4 || slices.ContainsFunc(told, former) {
		t.Errorf("told of %q", told)
	}
	if out := b.resend(b.to(otherLogbook, restored), firstDay); out.Sent != 4 || out.Renewed != 0 {
		t.Errorf("again: %+v", out)
	}
	b.onlyRenewed(before)
	b.empty(box.Sending)
}

// TestResendSince: what was received before, by its receipt, is not offered.
func TestResendSince(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"early": "e"})
	b.run(b.to(testLogbook, firstDay.Add(-time.Nanosecond)))
	before := b.ends(box.Sent)
	b.lost(map[string]string{"late": "l"})
	if out := b.resend(b.to(otherLogbook, restored), firstDay); out.Sent != 1 {
		t.Errorf("%+v", out)
	}
	b.accepted(map[string]string{"late": "l"}, message.None)
	for path, text := range before {
		if readFile(t, path) != text {
			t.Errorf("%s is another one", path)
		}
	}
}

// TestResendWhatCannot: each stays as it is, with its reason, and holds up no other.
func TestResendWhatCannot(t *testing.T) {
	b := newBench(t)
	b.lost(map[string]string{"good": "g", "changed": "c", "bare": "b", "never": "r", "later": "l"})
	day := filepath.Dir(slices.Collect(maps.Keys(b.ends(box.Sent)))[0])
	if err := errors.Join(os.WriteFile(filepath.Join(day, "changed"), []byte("x"), 0o600),
		os.Remove(filepath.Join(day, "bare"+receipt.FileSuffix))); err != nil {
		t.Fatal(err)
	}
	before := b.ends(box.Sent)
	cfg := b.to(otherLogbook, restored)
	deliver := cfg.Deliver
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		switch m.Name {
		case "never":
			return courier.Delivery{}, &courier.RefusalError{Code: framing.CodeIDConflict, Of: courier.OfMessage}
		case "later":
			return courier.Delivery{}, &courier.PostponedError{ID: m.ID, Reason: "full"}
		}
		return deliver(ctx, m)
	}
	out := b.resend(cfg, firstDay)
	got := make(map[string]error)
	for _, l := range out.Left {
		got[filepath.Base(l.Name)] = l.Err
	}
	if !errors.Is(got["changed"], ErrNotAsSent) || !errors.Is(got["bare"], ErrNoReceipt) ||
		!errors.As(got["never"], new(*courier.RefusalError)) || !errors.As(got["later"], new(*courier.PostponedError)) ||
		len(got) != 4 || out.Sent != 1 || out.Refused != 0 {
		t.Errorf("%+v", out)
	}
	after := b.ends(box.Sent)
	for path, text := range before {
		if after[path] != text && filepath.Base(path) != "good"+receipt.FileSuffix {
			t.Errorf("%s holds %q", path, after[path])
		}
	}
}

// TestResendToAnother: an outbox that was not told of the new logbook sends nothing,
// and neither does a client with another sender's token, or without the password.
func TestResendToAnother(t *testing.T) {
	b := newBench(t)
	b.lost(some)
	if _, err := Resend(t.Context(), b.to(testLogbook, restored), firstDay); !errors.As(err, new(*LogbookError)) {
		t.Errorf("error %v", err)
	}
	cfg := b.to(otherLogbook, restored)
	cfg.Sender = "store-18"
	if out := b.resend(cfg, firstDay); len(out.Left) != 4 || !errors.As(out.Left[0].Err, new(*ForeignError)) {
		t.Errorf("%+v", out)
	}
	b.accepted(nil, message.None)
}

// TestResendAlone: one client at a time, and the server may be away.
func TestResendAlone(t *testing.T) {
	b := newBench(t)
	before := b.lost(some)
	cfg := b.to(otherLogbook, restored)
	cfg.Deliver = func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		if _, err := Resend(t.Context(), b.to(otherLogbook, restored), firstDay); !errors.Is(err, ErrResending) {
			t.Errorf("beside another: %v", err)
		}
		return courier.Delivery{}, &courier.UnknownError{ID: m.ID, Cause: errors.New("away")}
	}
	if out, err := Resend(t.Context(), cfg, firstDay); !errors.As(err, new(*courier.UnknownError)) || out.Sent > 0 {
		t.Errorf("%+v, %v", out, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	deliver := b.ledger.at(otherLogbook, restored)
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		stop()
		return deliver(ctx, m)
	}
	if out, err := Resend(ctx, cfg, firstDay); err != nil || !out.Stopped {
		t.Errorf("stopped: %+v, %v", out, err)
	}
	b.resend(b.to(otherLogbook, restored), firstDay)
	b.accepted(some, message.None)
	b.onlyRenewed(before)
}

// resend is what a process does that sends again.
func (p plan) resend(ctx context.Context, step func(string)) int {
	b := bench{dir: p.Dir, ledger: ledger{dir: p.Ledger, step: step}}
	cfg := b.to(otherLogbook, restored)
	cfg.step = step
	if p.Together {
		cfg.flusher = durable.NewFlusher(true, func() (uint64, error) { return 0, nil })
	}
	if out, err := Resend(ctx, cfg, firstDay); err != nil || len(out.Left) > 0 {
		fmt.Fprintln(os.Stderr, out, err)
		return 1
	}
	return 0
}

// TestKilledWhileResending: a client dies at each step; the next call finishes.
func TestKilledWhileResending(t *testing.T) {
	for _, at := range []string{"offered", "accepted", "renewed", "superseded", "resent"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			before := b.lost(some)
			if !b.spawn(plan{At: at, Count: 1, Again: true}).killed(t) {
				t.Fatal("the client was not killed")
			}
			b.resend(b.to(otherLogbook, restored), firstDay)
			b.accepted(some, message.None)
			b.onlyRenewed(before)
		})
	}
}
