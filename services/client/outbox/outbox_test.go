package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/message"
)

// awaitLog returns a channel that is closed at the first log line with text.
func awaitLog(cfg *Config, text string) <-chan struct{} {
	seen := make(chan struct{})
	var once sync.Once
	cfg.Log = zerolog.New(writerFunc(func(line []byte) {
		if strings.Contains(string(line), text) {
			once.Do(func() { close(seen) })
		}
	}))
	return seen
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestSendsFilesOfEveryName(t *testing.T) {
	b := newBench(t)
	files := map[string]string{
		"empty":                  "",
		"-leading dash":          "x",
		"ein Gruß, 你好.txt":       "Grüße\r\n",
		"a":                      "1",
		"a.tlog-proof":           "2",
		"a.reason":               "3",
		strings.Repeat("n", 255): "4",
		"star * [glob] ?":        "5",
		"records.jsonl":          "6",
		"files":                  "7",
	}
	b.put(files)
	b.run(b.config())
	b.onlySent(files, message.None)
}

func TestLeavesWhatIsNoMessage(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{".hidden": "h", "message": "m"})
	if err := os.Mkdir(filepath.Join(b.dir, "directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(".hidden", filepath.Join(b.dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.run(b.config())
	b.accepted(map[string]string{"message": "m"}, message.None)
	want := []string{".hidden", "directory", "link", "pipe", box.Refused, box.Sent}
	if got := b.names(""); !slices.Equal(got, want) {
		t.Errorf("outbox holds %q, want %q", got, want)
	}
}

func TestMissingDirectory(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.Dir = filepath.Join(b.dir, "missing")
	if _, err := Run(t.Context(), cfg); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// refused returns the reason for the one message in refused.
func (b bench) refused(name, content string) (reason string) {
	b.Helper()
	b.empty(box.Sending)
	ends := b.ends(box.Refused)
	if len(ends) != 2 {
		b.Fatalf("refused holds %q, want one message", ends)
	}
	for path, text := range ends {
		if stem, isReason := strings.CutSuffix(path, ".reason"); isReason {
			reason = text
			if got := readFile(b.T, stem); got != content {
				b.Errorf("refused message holds %q, want %q", got, content)
			}
		} else if base := filepath.Base(path); base != name && !strings.Contains(base, "~") {
			b.Errorf("refused holds %q", base)
		}
	}
	return reason
}

func TestRefusesNames(t *testing.T) {
	for _, name := range []string{
		"two\nlines", "esc\x1b[31m", "latin\xff", "bidi\u202e",
	} {
		b := newBench(t)
		b.put(map[string]string{name: "content"})
		out := b.run(b.config())
		reason := b.refused(name, "content")
		if !strings.Contains(reason, "message name") || strings.Count(reason, "\n") != 2 {
			t.Errorf("reason %q", reason)
		}
		if out.Refused != 1 || out.Sent != 0 {
			t.Errorf("outcome %+v", out)
		}
		b.accepted(nil, message.None)
	}
}

func TestCipher2012(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"message": "m"}
	b.put(files)
	cfg := b.config()
	key := cipher2012.DeriveKey("password")
	cfg.Key = &key
	var mu sync.Mutex
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		mu.Lock()
		defer mu.Unlock()
		if m.Key != key {
			t.Error("offered without the key")
		}
		return b.ledger.deliver(ctx, m)
	}
	b.run(cfg)
	b.onlySent(files, message.Cipher2012)
}
