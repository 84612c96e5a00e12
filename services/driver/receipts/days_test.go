package receipts_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/receipts"
	"sealpost/shared/crypto/receipt"
)

// TestWhereReceiptsLie: days, folders in them, and the directories, one a message,
// that earlier clients made. What has a dot is not looked at, and neither is a receipt
// that was set aside for another one.
func TestWhereReceiptsLie(t *testing.T) {
	v := drivertest.NewVolume(t)
	f := &fixture{Outbox: drivertest.NewOutbox(t, v), t: t, volume: v}
	for i, path := range []string{
		"sent/2026-11-26/a.txt", "sent/2026-11-26/a.txt~0123abcd", "sent/2026-11-27/a.txt", "sent/2026-11-27/b/c/a.txt",
		"sent/2026-11-27/b/a.txt", "sent/0123456789abcdef0123456789abcdef/a.txt",
		"sent/fedcba9876543210fedcba9876543210/a" + receipt.FileSuffix,
	} {
		body := strings.Repeat("x", i)
		e := v.Add("a.txt", []byte(body))
		f.Put(path, body)
		f.Put(path+receipt.FileSuffix, v.Receipt(e))
	}
	f.Put("sent/.pruned-2026-10-01-7/a", "x")
	f.Put("sent/2026-11-26/"+receipt.SupersededName("a.txt"+receipt.FileSuffix, time.Unix(0, 0)), "x")
	f.Put("sent/2026-11-26/.0123456789abcdef0123456789abcdef.tlog-proof", "half")
	f.Put("sent/2026-11-26/d/.hidden/x", "x")
	f.Put("sent/2026-11-28/e/.keep", "")
	f.Put("sent/0123456789abcdef0123456789abcdef/.record.json", "x")
	if r := f.check(nil); r.verified() != 7 || len(r.all()) > 0 {
		t.Errorf("%d verified, %v", r.verified(), errors.Join(r.all()...))
	}
}

// TestMessageOnItsWay: a receipt is in place before its message. What is being sent
// is for the next run.
func TestMessageOnItsWay(t *testing.T) {
	f := newFixture(t)
	f.Remove(drivertest.SentPath(f.volume.Entries[1]))
	f.Put(".sending/group/files/b.txt", "two")
	if r := f.check(nil); r.verified() != 2 || len(r.all()) > 0 {
		t.Errorf("being sent: %d verified, %v", r.verified(), errors.Join(r.all()...))
	}
	f.Remove(".sending/group")
	if failures := f.check(nil).all(); len(failures) != 1 || !errors.Is(failures[0], receipts.ErrNoMessage) ||
		!strings.Contains(failures[0].Error(), drivertest.ReceiptPath(f.volume.Entries[1])) {
		t.Errorf("not sent: %v", errors.Join(failures...))
	}
}

// TestReasons: the words are told, and not the id behind them.
func TestReasons(t *testing.T) {
	f := newFixture(t)
	const id = "0123456789abcdef0123456789abcdef"
	for name, text := range map[string]string{
		"2026-11-26/a.txt": "x", "2026-11-26/a.txt.reason": "too large\nmessage " + id + "\n",
		"2026-11-26/b/c.txt": "x", "2026-11-26/b/c.txt.reason": "bad name\nmessage " + id + "\n",
		"2026-11-26/d.txt": "x", "2026-11-26/e.reason": "alone\n",
		id + "/f.txt": "x", id + "/f.txt.reason": "earlier\n",
	} {
		f.Put("refused/"+name, text)
	}
	failures := f.check(nil).Failures()
	text := errors.Join(failures...).Error()
	for _, want := range []string{
		"2026-11-26/a.txt: refused: too large", "b/c.txt: refused: bad name", "d.txt: refused: no reason was left",
		"e.reason: refused: alone", id + "/f.txt: refused: earlier",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if len(failures) != 5 || strings.Contains(text, "message "+id) {
		t.Errorf("%d failures:\n%s", len(failures), text)
	}
}

// TestFoldersInFolders: who may write into the outbox takes no more descriptors than
// a message's name has parts.
func TestFoldersInFolders(t *testing.T) {
	f := newFixture(t)
	f.Put("sent/2026-11-26/"+strings.Repeat("d/", 200)+"x", "x")
	failures := f.check(nil).Failures()
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "too deep") {
		t.Errorf("%v", errors.Join(failures...))
	}
}

// TestAnotherLogbook: its receipts are counted, whatever they would say of this one.
func TestAnotherLogbook(t *testing.T) {
	f := newFixture(t)
	other := drivertest.NewVolume(t)
	other.Server, other.Logbook = f.volume.Server, "another"
	for _, name := range []string{"a.txt", "b.txt", "c.txt", "d.txt"} {
		e := other.Add(name, []byte(name))
		f.Put(filepath.Join("sent/2026-11-20", name), name)
		f.Put(filepath.Join("sent/2026-11-20", name+receipt.FileSuffix), other.Receipt(e))
	}
	all := receipts.Load(f.Dir, f.volume.Pins())
	origin := receipt.Origin(f.volume.Logbook)
	if n, m, none := all.Signed(origin), all.Signed(""), all.Signed("x"); n != 3 || m != 4 || none != 0 {
		t.Errorf("%d, %d and %d lines were signed", n, m, none)
	}
	r := f.checkOnly(origin)
	if failures := append(r.all(), r.audit.Findings(true)...); len(failures) > 0 || r.verified() != 3 || r.Others() != 4 {
		t.Errorf("%d verified, %d others, %v", r.verified(), r.Others(), errors.Join(failures...))
	}
	if err := r.None(); err == nil {
		t.Error("all were matched")
	}
	all.Only("sealpost/third")
	if err := all.None(); !errors.Is(err, receipts.ErrNone) || all.Others() != 7 {
		t.Errorf("%d others, %v", all.Others(), err)
	}
}
