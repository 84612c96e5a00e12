package faults

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sealpost/integration/faults/ledger"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// box is an outbox that client processes share, and its sender.
type box struct {
	t     *testing.T
	dir   string
	from  sender
	env   []string
	files map[string]parcel // by name
}

// boxIn is an empty outbox in dir, whose clients connect to addr.
func boxIn(dir string, s *server, addr string) *box {
	s.t.Helper()
	b := &box{t: s.t, dir: dir, from: s.addSender("store-17"), files: make(map[string]parcel)}
	b.env = append(append(os.Environ(), "CLIENT_SERVER="+addr, "CLIENT_TIMEOUT=5m"), b.from.env...)
	return b
}

// newBox fills an outbox with files.
func newBox(s *server, files int) *box {
	s.t.Helper()
	b := boxIn(s.t.TempDir(), s, s.listen)
	for n := range uint64(files) {
		p := newParcel(0, *seed, n)
		if err := os.WriteFile(filepath.Join(b.dir, p.Name), content(*seed, n), 0o644); err != nil {
			s.t.Fatal(err)
		}
		b.files[p.Name] = p
	}
	return b
}

func (b *box) client(ctx context.Context, options ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "client"), append(options, "-outbox", b.dir)...)
	cmd.Env = b.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// killedAfter runs a client and kills it once it has reported n messages, or
// has ended by itself.
func (b *box) killedAfter(ctx context.Context, n int) error {
	cmd := b.client(ctx)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); n > 0 && lines.Scan(); n-- {
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed, or had ended
	return nil
}

// TestClientsKilled lets several client processes share an outbox and kills
// them, and now and then the server, until nothing is left: every file is one
// log file, under the one id that its receipt names.
func TestClientsKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBox(s, rounds(200, 4000))
	s.start()
	kills := make(chan int, rounds(16, 400))
	random := rand.New(rand.NewPCG(*seed, 2))
	for range cap(kills) {
		kills <- random.IntN(12)
	}
	close(kills)
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for n := range kills {
				if err := b.killedAfter(t.Context(), n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { clients.Wait(); close(ended) }()
	for !closed(ended) {
		s.await(ready)
		s.killedBeside(ended, random)
		s.start()
	}
	s.await(ready)
	if out, err := b.client(patient(t)).CombinedOutput(); err != nil {
		t.Fatalf("the last client: %v\n%s", err, out)
	}
	s.stop()
	results.report(t, "02 clients killed", s.audit(b.account()))
}

// killedBeside kills the server after it has kept some more messages, or at
// once when the clients have ended.
func (s *server) killedBeside(ended <-chan struct{}, random *rand.Rand) {
	s.t.Helper()
	target := s.kept() + 20 + random.IntN(100)
	s.until(func(context.Context) (bool, string) {
		return closed(ended) || s.kept() >= target, "the clients send no more"
	})
	s.kill()
}

// kept is the number of whole lines in the manifest.
func (s *server) kept() int {
	text, err := os.ReadFile(filepath.Join(s.data, "logs", logfile.ManifestName))
	if err != nil {
		return 0 // before the first message
	}
	return strings.Count(string(text), "\n")
}

// account makes a ledger of what the outbox holds in the end.
func (b *box) account() *ledger.Ledger {
	b.t.Helper()
	l := ledger.New()
	receipts, err := filepath.Glob(filepath.Join(b.dir, "sent", "*", "*"+receipt.FileSuffix))
	if err != nil {
		b.t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, path := range receipts {
		name := strings.TrimSuffix(filepath.Base(path), receipt.FileSuffix)
		if seen[name] {
			b.t.Errorf("%s is in sent twice", name)
		}
		seen[name] = true
		if err := b.note(l, path, name); err != nil {
			b.t.Error(err)
		}
	}
	if len(seen) != len(b.files) {
		b.t.Errorf("%d of %d files are in sent with a receipt", len(seen), len(b.files))
	}
	b.checkEmpty()
	return l
}

// note enters one file in sent with its receipt.
func (b *box) note(l *ledger.Ledger, path, name string) error {
	p, ours := b.files[name]
	e, err := b.from.readReceipt(path)
	if !ours || err != nil {
		return fmt.Errorf("%s is none of ours: %v", path, err)
	}
	p.ID, p.Cipher = e.ID, message.None // the client chose the id, and had no password
	l.Offer(b.from.known(p.Message))
	return b.from.noteReceipt(l, path)
}

// checkEmpty: nothing waits, nothing is under way, nothing was refused.
func (b *box) checkEmpty() {
	b.t.Helper()
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && path == filepath.Join(b.dir, "sent") {
			return fs.SkipDir
		}
		if _, ours := b.files[filepath.Base(path)]; ours {
			b.t.Errorf("%s is still in the outbox", path)
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	}
}
