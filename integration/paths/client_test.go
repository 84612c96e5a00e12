package paths

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/daemon"
	"sealpost/services/server/daemon/daemontest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
)

// maxMessage is what the server takes, in bytes.
const maxMessage = 1000

// startServer runs a server until the test ends and returns the environment of a
// client.
func startServer(t *testing.T) (env []string) {
	t.Helper()
	_, env = daemontest.Serve(t, func(cfg *daemon.Config) { cfg.MaxMessageBytes = maxMessage })
	return append(env, "CLIENT_OUTBOX_SETTLE=0s")
}

func newClient(t *testing.T, root string) *table {
	return &table{T: t, program: "client", env: startServer(t), roots: []string{root}}
}

// fill puts in an outbox what is sent, what is refused, and what is neither.
func fill(t *testing.T, box string) {
	t.Helper()
	put(t, filepath.Join(box, "a.txt"), "one")
	put(t, filepath.Join(box, "b.txt"), "two")
	put(t, filepath.Join(box, "large.txt"), strings.Repeat("x", maxMessage+1))
	put(t, filepath.Join(box, ".hidden"), "not sent")
	check(t, os.Mkdir(filepath.Join(box, "directory"), 0o755))
	check(t, os.Symlink("/etc/hostname", filepath.Join(box, "link.txt")))
}

func TestOutboxIsWalkedFromWhatIsOpen(t *testing.T) {
	for name, owner := range map[string]int{"ours": os.Geteuid(), "of another user": 4242} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 && owner != os.Geteuid() {
				t.Skip("takes root")
			}
			box := realDir(t)
			fill(t, box)
			for _, path := range []string{".", "a.txt", "b.txt", "large.txt"} {
				check(t, os.Chown(filepath.Join(box, path), owner, owner))
			}
			b := newClient(t, box)
			b.run(3, "-outbox", box) // refused: 1
			check(t, os.Remove(filepath.Join(box, "link.txt")))
			b.run(0, "-outbox", box)
			b.run(0, "-outbox", box, "-accept-logbook")
			wantIn(t, box, "sent/*/*"+receipt.FileSuffix, 2)
			wantIn(t, box, "refused/*/*.reason", 1)
			b.check(opened, inPlace)
		})
	}
}

// TestTakeOverIsWalkedFromWhatIsOpen kills a client at every eighth call that it
// makes below the outbox. The next one takes over what it holds.
func TestTakeOverIsWalkedFromWhatIsOpen(t *testing.T) {
	box := realDir(t)
	b := newClient(t, box)
	killed := 0
	for left := 1; ; left += 8 {
		put(t, filepath.Join(box, "a.txt"), "one")
		n := left
		state, out := b.trace(t.Context(), func(durabletest.PathCall) bool { n--; return n == 0 }, "-outbox", box)
		if state.Exited() {
			if state.ExitStatus() != 0 {
				t.Fatalf("status %v\n%s", state, out)
			}
			break
		}
		killed++
		b.run(0, "-outbox", box)
	}
	t.Logf("killed %d times", killed)
	wantIn(t, box, ".sending/[^.]*", 0)
	b.check(opened, inPlace)
}

func TestWatchedOutboxIsWalkedFromWhatIsOpen(t *testing.T) {
	box := realDir(t)
	b := newClient(t, box)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	put(t, filepath.Join(box, "a.txt"), "one")
	go func() {
		defer stop()
		await(ctx, box, 1)
		_ = os.WriteFile(filepath.Join(box, ".b.txt"), []byte("two"), 0o644)
		_ = os.Rename(filepath.Join(box, ".b.txt"), filepath.Join(box, "b.txt"))
		await(ctx, box, 2)
	}()
	b.runContext(ctx, 0, "-outbox", box, "-watch")
	wantIn(t, box, "sent/*/*"+receipt.FileSuffix, 2)
	b.check(opened, inPlace, watched, kind)
}

// await waits for n messages in sent.
func await(ctx context.Context, box string, n int) {
	deadline := time.Now().Add(2 * time.Minute)
	for ; time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(box, "sent", "*", "*"+receipt.FileSuffix)); len(found) >= n {
			return
		}
	}
}

// TestReceiptIsWrittenFromWhatIsOpen: one file is sent, and its receipt goes where
// others may write. The file is one that the operator names.
func TestReceiptIsWrittenFromWhatIsOpen(t *testing.T) {
	shared, own := realDir(t), t.TempDir()
	b := newClient(t, shared)
	put(t, filepath.Join(own, "a.txt"), "one")
	b.run(0, "-receipt", filepath.Join(shared, "a.receipt"), filepath.Join(own, "a.txt"))
	b.check(openedByEach)
}

func wantIn(t *testing.T, box, pattern string, want int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(box, pattern))
	check(t, err)
	if len(found) != want {
		t.Errorf("%s are %q, want %d", pattern, found, want)
	}
}
