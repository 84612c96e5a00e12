package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// pair is two clients of one sender, each with a connection of its own.
type pair struct {
	f     *fleet
	from  sender
	sends [2]*courier.Courier
}

// TestSameID has two clients send under one id at the same moment. The same
// content is kept once and both get its receipt; of two contents one is kept,
// and the other refused for good.
func TestSameID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 1, defaultStall)
	second := f.senders[0].courier(s.listen, defaultStall)
	t.Cleanup(func() { _ = second.Close() })
	p := &pair{f: f, from: f.senders[0], sends: [2]*courier.Courier{f.couriers[0], second}}
	s.start()
	s.await(ready)
	stopPolling := f.poll(s.data)
	random := rand.New(rand.NewPCG(*seed, 7))
	for range rounds(100, 3000) {
		first := f.next().Message
		other := first
		if random.IntN(2) == 0 {
			other = differing(first, random)
			f.ledger.Offer(p.from.known(other))
		}
		p.race(t, first, other)
		if t.Failed() {
			return
		}
	}
	if err := stopPolling(); err != nil {
		t.Error(err)
	}
	processesRace(t, s, f)
	s.stop()
	results.report(t, "07 one id twice at once", s.audit(f.ledger))
}

// differing is another content under the same id: another name, other bytes, or
// other bytes of another number.
func differing(m courier.Message, random *rand.Rand) courier.Message {
	switch random.IntN(3) {
	case 0:
		m.Name = "renamed.txt"
	case 1:
		other := newParcel(0, ^*seed, random.Uint64()%1000)
		other.ID = m.ID
		return other.Message
	default:
		other := bytes.Repeat([]byte("x"), int(m.Size))
		m.SHA256 = sha256.Sum256(other)
		m.Open = func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(other)), nil }
	}
	return m
}

// race sends both at once and notes what came of it.
func (p *pair) race(t *testing.T, messages ...courier.Message) {
	t.Helper()
	ctx := patient(t)
	start := make(chan struct{})
	var both sync.WaitGroup
	errs := make([]error, len(messages))
	for i, m := range messages {
		both.Go(func() {
			<-start
			var d courier.Delivery
			if d, errs[i] = p.sends[i].Deliver(ctx, m); errs[i] == nil {
				p.f.ledger.Receipt(d.Entry)
			}
		})
	}
	close(start)
	both.Wait()
	refused := 0
	for i, err := range errs {
		var refusal *courier.RefusalError
		switch {
		case err == nil:
		case errors.As(err, &refusal) && refusal.Code == framing.CodeIDConflict:
			refused++
			p.f.ledger.Refuse(p.from.known(messages[i]))
		default:
			t.Errorf("message %s: %v", messages[i].ID, err)
		}
	}
	want := 0
	if p.from.known(messages[0]) != p.from.known(messages[1]) {
		want = 1
	}
	if refused != want {
		t.Errorf("message %s: %d refused for its id, want %d", messages[0].ID, refused, want)
	}
}

// processesRace does the same with client programs: their exit status says
// which was kept.
func processesRace(t *testing.T, s *server, f *fleet) {
	t.Helper()
	for i := range rounds(4, 40) {
		m := f.next().Message
		other := m
		if i%2 == 1 {
			other = differing(m, rand.New(rand.NewPCG(*seed, uint64(i))))
			f.ledger.Offer(f.senders[0].known(other))
		}
		kept := 0
		for i, code := range runTogether(t, s, f, m, other) {
			switch code {
			case 0:
				kept++
			case 3:
				f.ledger.Refuse(f.senders[0].known([]courier.Message{m, other}[i]))
			default:
				t.Errorf("a client ends with %d", code)
			}
		}
		if want := 2 - i%2; kept != want {
			t.Errorf("%d of two clients end with 0, want %d", kept, want)
		}
	}
}

// runTogether runs a client for each message, notes their receipts and returns
// their exit statuses.
func runTogether(t *testing.T, s *server, f *fleet, messages ...courier.Message) []int {
	t.Helper()
	codes := make([]int, len(messages))
	errs := make([]error, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		cmd, file := clientFor(patient(t), t, s, f.senders[0], m)
		all.Go(func() {
			_ = cmd.Run() // its exit status says it
			if codes[i] = cmd.ProcessState.ExitCode(); codes[i] == 0 {
				errs[i] = f.senders[0].noteReceipt(f.ledger, file)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	return codes
}

// clientFor is a client that sends m and keeps the receipt in a file.
func clientFor(ctx context.Context, t *testing.T, s *server, from sender,
	m courier.Message) (cmd *exec.Cmd, receipt string) {
	t.Helper()
	body, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	receipt = file + "-receipt"
	cmd = exec.CommandContext(ctx, filepath.Join(programs, "client"),
		"-id", m.ID.String(), "-name", m.Name, "-receipt", receipt, file)
	cmd.Env = append(append(os.Environ(), "CLIENT_SERVER="+s.listen), from.env...)
	if m.Cipher == message.Cipher2012 {
		cmd.Args = append(cmd.Args, password2012)
	}
	return cmd, receipt
}
