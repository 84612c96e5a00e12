package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// abandon makes a group of one message with a dead holder: all of a group but its
// lock. A nil change leaves the record as a client would write it.
func (b bench) abandon(name, content string, change func(*group.Record)) message.ID {
	b.Helper()
	rec := group.Record{ID: message.NewID(), Sender: "store-17", Name: name, Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256([]byte(content))}
	if change != nil {
		change(&rec)
	}
	b.abandonAll(map[string]string{name: content}, rec)
	return rec.ID
}

// abandonAll makes a group of files with a dead holder, and with those records.
func (b bench) abandonAll(files map[string]string, records ...group.Record) (dir string) {
	b.Helper()
	dir = b.mkdir(box.Sending, message.NewID().String())
	b.mkdir(box.Sending, filepath.Base(dir), "files")
	for name, content := range files {
		path := filepath.Join(dir, "files", name)
		if strings.Contains(name, "/") {
			path = filepath.Join(dir, "below", name)
			b.mkdir(box.Sending, filepath.Base(dir), "below", filepath.Dir(name))
		}
		b.write(path, content)
	}
	var lines []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	head := fmt.Sprintf(`{"v":1,"count":%d,"sha256":"%x"}`+"\n", len(records), sha256.Sum256(lines))
	b.write(filepath.Join(dir, ".records.jsonl"), head+string(lines))
	return dir
}

func (b bench) write(path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// group returns the directory of the one group in .sending.
func (b bench) group() string {
	b.Helper()
	groups := b.names(box.Sending)
	if len(groups) != 1 {
		b.Fatalf("%s holds %q", box.Sending, groups)
	}
	return filepath.Join(b.dir, box.Sending, groups[0])
}

func (b bench) leftIn(out Outcome, id message.ID, want error) {
	b.Helper()
	if len(out.Left) != 1 || out.Left[0].ID != id {
		b.Fatalf("outcome %+v, want %s left", out, id)
	}
	if got := out.Left[0].Err; got.Error() != want.Error() {
		b.Errorf("left with %q, want %q", got, want)
	}
	if got := b.all(box.Sending, filepath.Base(b.group()), "files"); len(got) != 1 {
		b.Errorf("the group holds %q", got)
	}
}

func TestTakeOverKeepsTheID(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	b.run(b.config())
	b.onlySent(map[string]string{"message": "m"}, message.None)
	if _, ok := b.sent()[id]; !ok {
		t.Errorf("sent holds %v, want %s", b.sent(), id)
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
	id := b.abandon("message", "m", func(r *group.Record) { r.Cipher = message.Cipher2012 })
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
	id := b.abandon("message", "m", func(r *group.Record) { r.Sender = "store-18" })
	b.leftIn(b.run(b.config()), id, &ForeignError{Sender: "store-18"})
	b.accepted(map[string]string{"ours": "o"}, message.None)
}

func TestTakeOverRefusesAChangedFile(t *testing.T) {
	b := newBench(t)
	b.abandon("message", "m", func(r *group.Record) { r.SHA256[0] ^= 1 })
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
	path := filepath.Join(b.abandonAll(nil), "files", "message")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, path); err != nil {
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
	b.put(map[string]string{"message": strings.Repeat("large ", 10_000)})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		b.write(filepath.Join(b.group(), "files", m.Name), "other")
		return b.ledger.deliver(ctx, m)
	}
	b.run(cfg)
	if reason := b.refused("message", "other"); !strings.Contains(reason, "changed") {
		t.Errorf("reason %q", reason)
	}
}

// So it is with another file in its place.
func TestFileIsReplacedWhileItIsSent(t *testing.T) {
	b := newBench(t)
	text := strings.Repeat("large ", 10_000)
	b.put(map[string]string{"message": text})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		path := filepath.Join(b.group(), "files", m.Name)
		b.write(path+".new", text)
		if err := os.Rename(path+".new", path); err != nil {
			t.Error(err)
		}
		return b.ledger.deliver(ctx, m)
	}
	b.run(cfg)
	if reason := b.refused("message", text); !strings.Contains(reason, "changed") {
		t.Errorf("reason %q", reason)
	}
	b.accepted(nil, message.None)
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
func TestTakeOverWithATemporaryFile(t *testing.T) {
	b := newBench(t)
	b.abandon("message", "m", nil)
	b.write(filepath.Join(b.group(), ".tmp-123"), "half of it")
	b.run(b.config())
	b.onlySent(map[string]string{"message": "m"}, message.None)
}

// Records that are not whole were never offered: the files get fresh ids.
func TestRecordsThatAreNotWhole(t *testing.T) {
	for name, damage := range map[string]func(b bench, path string) error{
		"none":  func(_ bench, path string) error { return os.Remove(path) },
		"empty": func(_ bench, path string) error { return os.Truncate(path, 0) },
		"half":  func(_ bench, path string) error { return os.Truncate(path, 120) },
		"one byte": func(b bench, path string) error {
			text := readFile(b.T, path)
			return os.WriteFile(path, []byte(strings.Replace(text, `"size":1`, `"size":2`, 1)), 0o644)
		},
		"zeros": func(b bench, path string) error {
			return os.WriteFile(path, make([]byte, len(readFile(b.T, path))), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.abandon("message", "m", nil)
			if err := damage(b, filepath.Join(b.group(), ".records.jsonl")); err != nil {
				t.Fatal(err)
			}
			b.run(b.config())
			b.onlySent(map[string]string{"message": "m"}, message.None)
			if _, ok := b.sent()[id]; ok {
				t.Error("it was sent under an id that was never offered for certain")
			}
		})
	}
}

func TestDamagedGroupsAreLeftToPeople(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"long records": func(dir string) error { return os.Truncate(filepath.Join(dir, ".records.jsonl"), 2<<20) },
		"another version": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ".records.jsonl"), []byte("{\"v\":2}\n"), 0o644)
		},
		"records that are a directory": func(dir string) error {
			path := filepath.Join(dir, ".records.jsonl")
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o755))
		},
		"lock not to be": func(dir string) error { return os.Mkdir(filepath.Join(dir, ".lock"), 0o755) },
		"of an earlier version": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "files", "message"), filepath.Join(dir, "message")),
				os.Remove(filepath.Join(dir, "files")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.put(map[string]string{"ours": "o"})
			b.abandon("message", "m", nil)
			dir := b.group()
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			out := b.run(b.config())
			if len(out.Left) != 1 || !errors.As(out.Left[0].Err, new(*RecordError)) ||
				out.Left[0].ID.String() != filepath.Base(dir) {
				t.Errorf("outcome %+v", out)
			}
			b.accepted(map[string]string{"ours": "o"}, message.None)
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEmptyDeadGroupsGo(t *testing.T) {
	b := newBench(t)
	b.abandon("message", "m", nil)
	if err := os.Remove(filepath.Join(b.group(), "files", "message")); err != nil {
		t.Fatal(err)
	}
	b.abandonAll(nil)
	for _, name := range []string{message.NewID().String(), "." + message.NewID().String()} {
		b.mkdir(box.Sending, name)
	}
	b.mkdir(box.Sending, "."+message.NewID().String(), "files")
	b.run(b.config())
	b.onlySent(nil, message.None)
}

// A group whose messages have ended, and that cannot go since the disk takes no byte
// more, ends the run with the reason: it is not taken over again and again.
func TestEndedGroupOnAFullDisk(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	b.run(b.config()) // it knows the logbook from here on
	b.abandonAll(nil, group.Record{ID: message.NewID(), Sender: "store-17", Name: "ended", Cipher: message.None})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg, times := b.config(), 0
	cfg.step = func(name string) {
		if name != "taken over" {
			return
		}
		if times++; times > 2 {
			cancel()
		}
	}
	full := durabletest.FullDisk(t)
	out, err := Run(ctx, cfg)
	full()
	if !errors.Is(err, syscall.EFBIG) || out.Stopped {
		t.Errorf("it was taken over %d times: %+v, %v", times, out, err)
	}
	b.run(b.config())
	b.empty(box.Sending)
}
