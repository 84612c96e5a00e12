package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// TestLargeMessageResumed cuts a large message off four times on its way in:
// with the server killed, with the server stopped in order, with the client
// killed, and with the connection. Each time it goes on where it was, so that
// little is sent twice.
func TestLargeMessageResumed(t *testing.T) {
	t.Parallel()
	size := int64(rounds(96<<20, 1<<30))
	// Nothing more of the message comes while the server is being stopped.
	s := newServer(t, "SERVER_DRAIN_TIMEOUT=100ms")
	s.start()
	s.await(ready)
	// Late enough for a part to be durable when the server is killed.
	tolls := newTolls(size/10*4, size/10*6, size/10*8, size/10*9)
	r := newRelay(t, s.listen, nil, func(r *relay) { r.passing = tolls.pass })
	b := newLargeBox(s, r.addr(), size)

	client := b.start()
	for _, end := range []func(){s.kill, s.stop} {
		tolls.await(t)
		end()
		tolls.open() // before anything comes to the next
		s.start()
	}
	tolls.await(t)
	_ = client.Process.Kill()
	_ = client.Wait() // it was killed
	tolls.open()
	client = b.start()
	tolls.await(t)
	r.shed()
	tolls.open()
	if err := client.Wait(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.checkResumed(4)
	// What is not durable yet, or is on the way, when it is cut off: more of it
	// where the server is killed, which has a step more under way.
	const lost = 2 * (8 << 20)
	sent := tolls.sent()
	t.Logf("%d MiB were sent of a message of %d", sent>>20, size>>20)
	if sent > size+4*lost+lost/2 {
		t.Error("too much was sent again")
	}
	results.report(t, "31 large message cut off", s.audit(b.accountLarge()))
}

// checkResumed reads in the log that a message went on so many times, and never
// further back than before.
func (s *server) checkResumed(times int) {
	s.t.Helper()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	var offsets []uint64
	for line := range bytes.Lines(text) {
		var entry struct {
			Message string
			Offset  uint64
		}
		if json.Unmarshal(line, &entry) == nil && entry.Message == "message resumed" {
			offsets = append(offsets, entry.Offset)
		}
	}
	if len(offsets) < times || !slices.IsSorted(offsets) {
		s.t.Errorf("it was resumed at %d, want %d times", offsets, times)
	}
}

// newLargeBox is an outbox with one file, whose clients connect to addr.
func newLargeBox(s *server, addr string, size int64) *box {
	s.t.Helper()
	b := boxIn(s.t.TempDir(), s, addr)
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
