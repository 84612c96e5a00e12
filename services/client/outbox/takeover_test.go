package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// abandon makes a claim with a dead holder: all of a claim but its lock. A nil
// change leaves the record as a client would write it.
func (b bench) abandon(name, content string, change func(*record)) message.ID {
	b.Helper()
	id := message.NewID()
	dir := filepath.Join(b.dir, sendingDir, id.String())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	size, sum, err := measure(f)
	if err != nil {
		b.Fatal(err)
	}
	rec := record{V: recordVersion, ID: id, Sender: "store-17", Name: name, Cipher: message.None, Size: size, SHA256: sum}
	if change != nil {
		change(&rec)
	}
	if err := rec.write(b.claimAt(id, sendingDir).dir, durable.Keep); err != nil {
		b.Fatal(err)
	}
	return id
}

func (b bench) leftIn(out Outcome, id message.ID, want error) {
	b.Helper()
	if len(out.Left) != 1 || out.Left[0].ID != id {
		b.Fatalf("outcome %+v, want %s left", out, id)
	}
	if got := out.Left[0].Err; got.Error() != want.Error() {
		b.Errorf("left with %q, want %q", got, want)
	}
	if got := b.names(sendingDir); len(got) != 1 || got[0] != id.String() {
		b.Errorf("%s holds %q", sendingDir, got)
	}
}

func TestTakeOverKeepsTheID(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	b.run(b.config())
	b.onlySent(map[string]string{"message": "m"}, message.None)
	if got := b.names(sentDir); len(got) != 1 || got[0] != id.String() {
		t.Errorf("sent holds %q, want %s", got, id)
	}
}

// A claim may be at its end before its lock is taken: nothing is left in it.
func TestClaimIsMovedBeforeItsLockIsTaken(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	c := b.claimAt(id, sendingDir)
	if err := os.Rename(c.path(), filepath.Join(b.mkdir(sentDir), id.String())); err != nil {
		t.Fatal(err)
	}
	if err := c.takeLock(id.String()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if got := b.all(sentDir, id.String()); len(got) != 2 {
		t.Errorf("it holds %q", got)
	}
}

func TestTakeOverKeepsTheCipher(t *testing.T) {
	b := newBench(t)
	b.abandon("message", "m", nil)
	cfg := b.config()
	key := cipher2012.DeriveKey("password")
	cfg.Key = &key
	b.run(cfg)
	b.onlySent(map[string]string{"message": "m"}, message.None)
}

func TestTakeOverNeedsThePassword(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", func(r *record) { r.Cipher = message.Cipher2012 })
	b.leftIn(b.run(b.config()), id, ErrNoPassword)
	cfg := b.config()
	key := cipher2012.DeriveKey("password")
	cfg.Key = &key
	b.run(cfg)
	b.onlySent(map[string]string{"message": "m"}, message.Cipher2012)
}

func TestTakeOverLeavesOtherSenders(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"ours": "o"})
	id := b.abandon("message", "m", func(r *record) { r.Sender = "store-18" })
	b.leftIn(b.run(b.config()), id, &ForeignError{Sender: "store-18"})
	b.accepted(map[string]string{"ours": "o"}, message.None)
}

func TestTakeOverRefusesAChangedFile(t *testing.T) {
	b := newBench(t)
	b.abandon("message", "m", func(r *record) { r.SHA256[0] ^= 1 })
	cfg := b.config()
	cfg.Deliver = func(context.Context, courier.Message) (courier.Delivery, error) {
		t.Error("offered all the same")
		return courier.Delivery{}, errors.New("no")
	}
	b.run(cfg)
	if reason := b.refused("message", "m"); !strings.Contains(reason, "changed") {
		t.Errorf("reason %q", reason)
	}
	b.accepted(nil, message.None)
}

// A name may change hands between the look at it and the claim.
func TestTakeOverRefusesALink(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	dir := filepath.Join(b.dir, sendingDir, id.String())
	for _, name := range []string{"message", recordName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "message")); err != nil {
		t.Fatal(err)
	}
	b.run(b.config())
	if reason := b.refused("message", "s"); !strings.Contains(reason, durable.ErrNotRegular.Error()) {
		t.Errorf("reason %q", reason)
	}
	b.accepted(nil, message.None)
}

func TestFileChangesWhileItIsSent(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		path := filepath.Join(b.dir, sendingDir, m.ID.String(), m.Name)
		if err := os.WriteFile(path, []byte("other"), 0o644); err != nil {
			t.Error(err)
		}
		return b.ledger.deliver(ctx, m)
	}
	b.run(cfg)
	if reason := b.refused("message", "other"); !strings.Contains(reason, "changed") {
		t.Errorf("reason %q", reason)
	}
}

// A file that cannot be read for the moment stays where it is.
func TestFileCannotBeRead(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	cfg.Deliver = func(_ context.Context, m courier.Message) (courier.Delivery, error) {
		return courier.Delivery{}, &courier.ReadError{Name: m.Name, Cause: errors.New("input/output error")}
	}
	out := b.run(cfg)
	if len(out.Left) != 1 || !errors.As(out.Left[0].Err, new(*courier.ReadError)) {
		t.Errorf("outcome %+v", out)
	}
	b.run(b.config())
	b.onlySent(files, message.None)
}

// What a dead holder wrote last is replaced or goes.
func TestTakeOverWithReceiptOrReason(t *testing.T) {
	for _, left := range []string{"message.tlog-proof", "message.reason", ".tmp-123"} {
		b := newBench(t)
		id := b.abandon("message", "m", nil)
		path := filepath.Join(b.dir, sendingDir, id.String(), left)
		if err := os.WriteFile(path, []byte("half of it"), 0o644); err != nil {
			t.Fatal(err)
		}
		b.run(b.config())
		b.onlySent(map[string]string{"message": "m"}, message.None)
	}
}

func TestDamagedClaimsAreLeftToPeople(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"torn record":    func(dir string) error { return os.Truncate(filepath.Join(dir, recordName), 20) },
		"long record":    func(dir string) error { return os.Truncate(filepath.Join(dir, recordName), maxRecord+1) },
		"no id":          func(dir string) error { return os.WriteFile(filepath.Join(dir, recordName), []byte("{}"), 0o644) },
		"other name":     func(dir string) error { return os.Rename(filepath.Join(dir, "message"), filepath.Join(dir, "m")) },
		"two files":      func(dir string) error { return os.WriteFile(filepath.Join(dir, "second"), nil, 0o644) },
		"lock not to be": func(dir string) error { return os.Mkdir(filepath.Join(dir, lockName), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.put(map[string]string{"ours": "o"})
			id := b.abandon("message", "m", nil)
			if err := damage(filepath.Join(b.dir, sendingDir, id.String())); err != nil {
				t.Fatal(err)
			}
			out := b.run(b.config())
			if len(out.Left) != 1 || !errors.As(out.Left[0].Err, new(*RecordError)) ||
				errors.Is(out.Left[0].Err, errRecordLength) != (name == "long record") {
				t.Errorf("outcome %+v", out)
			}
			b.accepted(map[string]string{"ours": "o"}, message.None)
		})
	}
}

func TestEmptyDeadClaimsGo(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	if err := os.Remove(filepath.Join(b.dir, sendingDir, id.String(), "message")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{message.NewID().String(), "." + message.NewID().String()} {
		if err := os.Mkdir(filepath.Join(b.dir, sendingDir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.run(b.config())
	b.onlySent(nil, message.None)
}

// FuzzLogbook: a file that names the outbox's logbook is read in its one
// spelling, or refused.
func FuzzLogbook(f *testing.F) {
	for _, seed := range []string{"", "\n", "0123456789abcdef0123456789abcdef\n", "0123456789abcdef0123456789abcdef",
		"0123456789ABCDEF0123456789abcdef\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logbookName), text, fileMode); err != nil {
			t.Fatal(err)
		}
		box, err := openBox(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer box.close()
		id, err := box.readLogbook()
		if err != nil {
			if !errors.Is(err, errLogbookID) || id != "" {
				t.Fatalf("%q is refused with %v, and read as %q", text, err, id)
			}
			return
		}
		if id != strings.TrimSuffix(string(text), "\n") || len(id) != 2*message.IDSize {
			t.Fatalf("%q is read as %q", text, id)
		}
	})
}

// FuzzRecord: what is read of a record is the same when it is written again.
func FuzzRecord(f *testing.F) {
	f.Add(`{"v":1,"id":"0123456789abcdef0123456789abcdef","sender":"s","name":"n","cipher":"none","size":3,"sha256":"` +
		strings.Repeat("ab", 32) + `"}` + "\n")
	f.Add(`{}`)
	f.Add(`{"v":1} {"v":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := parseRecord([]byte(text))
		if err != nil {
			return
		}
		box, err := openBox(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer box.close()
		if err := rec.write(box.root, durable.Keep); err != nil {
			t.Fatal(err)
		}
		again, ok, err := readRecord(&claim{box: box, id: rec.ID, dir: box.root, in: box.root, name: rec.Name})
		if err != nil || !ok || again != rec {
			t.Errorf("%+v comes back as %+v, %v, %v", rec, again, ok, err)
		}
	})
}
