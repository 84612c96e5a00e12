package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// TestLargeMessageResumed cuts a large message off three times on its way in:
// with the server killed, with the client killed, and with the connection. Each
// time it goes on where it was, so that little is sent twice.
func TestLargeMessageResumed(t *testing.T) {
	t.Parallel()
	size := int64(rounds(96<<20, 1<<30))
	s := newServer(t)
	s.start()
	s.await(ready)
	tolls := newTolls(size/4, size/2, size/4*3)
	r := newRelay(t, s.listen, nil)
	r.passing = tolls.pass // before there are connections
	b := newLargeBox(s, r.addr(), size)

	client := b.start()
	tolls.await(t)
	s.kill()
	s.start()
	s.await(ready)
	tolls.open()
	tolls.await(t)
	_ = client.Process.Kill()
	_ = client.Wait() // it was killed
	client = b.start()
	tolls.open()
	tolls.await(t)
	r.shed()
	tolls.open()
	if err := client.Wait(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	// What is not durable yet, or is on the way, when it is cut off.
	const lost = 3 * (8 << 20)
	if sent := tolls.sent(); sent > size+3*lost {
		t.Errorf("%d MiB were sent of a message of %d", sent>>20, size>>20)
	} else {
		t.Logf("%d MiB were sent of a message of %d", sent>>20, size>>20)
	}
	results.report(t, "31 large message cut off", s.audit(b.accountLarge()))
}

// tolls stop what passes when so many bytes have passed, until they are opened.
type tolls struct {
	reached chan struct{}

	mu   sync.Mutex
	all  int64
	at   []int64
	wait chan struct{} // closed when the one that was reached is opened
}

func newTolls(at ...int64) *tolls {
	return &tolls{at: at, reached: make(chan struct{}, len(at)), wait: make(chan struct{})}
}

func (l *tolls) pass(bytes int) {
	l.mu.Lock()
	l.all += int64(bytes)
	var wait chan struct{}
	if len(l.at) > 0 && l.all >= l.at[0] {
		l.at = l.at[1:]
		wait = l.wait
		l.reached <- struct{}{}
	}
	l.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (l *tolls) await(t *testing.T) {
	t.Helper()
	select {
	case <-l.reached:
	case <-patient(t).Done():
		t.Fatal("so much was never sent")
	}
}

func (l *tolls) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wait)
	l.wait = make(chan struct{})
}

func (l *tolls) sent() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// newLargeBox is an outbox with one file, whose clients connect to addr.
func newLargeBox(s *server, addr string, size int64) *box {
	s.t.Helper()
	b := &box{t: s.t, dir: s.t.TempDir(), from: s.addSender("store-17"), files: make(map[string]parcel)}
	b.env = append(append(os.Environ(), "CLIENT_SERVER="+addr, "CLIENT_TIMEOUT=5m"), b.from.env...)
	f, err := os.Create(filepath.Join(b.dir, "large.bin"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, hash), rand.NewChaCha8([32]byte{31}), size); err != nil {
		s.t.Fatal(err)
	}
	b.files["large.bin"] = parcel{Message: courier.Message{
		Name: "large.bin", Cipher: message.None, Size: uint64(size), SHA256: logfile.Digest(hash.Sum(nil)),
	}}
	return b
}

// start starts a client, which ends with the test.
func (b *box) start() *exec.Cmd {
	b.t.Helper()
	ctx, cancel := context.WithCancel(patient(b.t))
	b.t.Cleanup(cancel)
	cmd := b.client(ctx)
	cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	return cmd
}

// accountLarge makes a ledger of the one file that the outbox has sent.
func (b *box) accountLarge() *ledger.Ledger {
	b.t.Helper()
	l := ledger.New()
	err := filepath.WalkDir(filepath.Join(b.dir, "sent"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, receipt.FileSuffix) {
			return err
		}
		e, err := b.from.readReceipt(path)
		if err != nil {
			return err
		}
		m := b.files["large.bin"].Message
		m.ID = e.ID
		l.Offer(b.from.known(m))
		l.Receipt(e)
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
	b.checkEmpty()
	return l
}
