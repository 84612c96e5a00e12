package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/services/client/outbox"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

// victim is a sender whose connections an attacker has in hand. Each of its
// messages lies in an outbox of its own. All have one length, so that the bytes
// of one connection are those of the next but for what TLS makes of them.
type victim struct {
	t      *testing.T
	s      *server
	from   sender
	ledger *ledger.Ledger

	mu   sync.Mutex
	made uint64
}

func newVictim(s *server, name string, l *ledger.Ledger) *victim {
	s.t.Helper()
	return &victim{t: s.t, s: s, from: s.addSender(name), ledger: l}
}

// letter is a message in an outbox of its own.
type letter struct {
	v   *victim
	dir string
	courier.Message
	text []byte
}

func (v *victim) write() *letter {
	v.t.Helper()
	v.mu.Lock()
	n := v.made
	v.made++
	v.mu.Unlock()
	text := fmt.Appendf(nil, "message %06d of %-8s: two barges in, one out\n", n, v.from.name)
	l := &letter{v: v, dir: v.t.TempDir(), text: text, Message: courier.Message{
		ID: idOf(*seed, n), Name: fmt.Sprintf("message-%06d.txt", n), Cipher: message.None,
		Size: uint64(len(text)), SHA256: sha256.Sum256(text),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(text)), nil },
	}}
	if err := os.WriteFile(filepath.Join(l.dir, l.Name), text, 0o644); err != nil {
		v.t.Error(err) // it may not be the test's own goroutine
	}
	return l
}

// send runs a client on the letter's outbox until nothing is left in it.
func (l *letter) send(c *courier.Courier) error {
	ctx, cancel := context.WithTimeout(l.v.t.Context(), patience)
	defer cancel()
	defer c.Close()
	out, err := outbox.Run(ctx, outbox.Config{
		Dir: l.dir, Sender: l.v.from.name, Deliver: c.Deliver, Logbook: c.Logbook, Log: zerolog.Nop(),
	})
	if err == nil && (out.Sent != 1 || out.Refused != 0 || len(out.Left) != 0) {
		err = fmt.Errorf("the outbox ends with %+v", out)
	}
	if err == nil {
		err = l.account()
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", l.Name, l.v.from.name, err)
	}
	return nil
}

// account enters what the sender knows in the end: the message is in sent, with
// a receipt that holds, and nowhere else.
func (l *letter) account() error {
	if err := l.untouched("sent"); err != nil {
		return err
	}
	path, err := l.receiptPath()
	if err != nil {
		return err
	}
	e, err := l.v.from.readReceipt(path)
	if err != nil {
		return err
	}
	l.ID = e.ID // the client chose it
	if e.Sender != l.v.from.name || e.Name != l.Name || e.Size != l.Size || e.SHA256 != l.SHA256 {
		return fmt.Errorf("the receipt in sent is of message %s of %s", e.ID, e.Sender)
	}
	l.v.ledger.Offer(l.v.from.known(l.Message))
	l.v.ledger.Receipt(e)
	return nil
}

// receiptPath finds the one receipt in sent.
func (l *letter) receiptPath() (string, error) {
	found, err := filepath.Glob(filepath.Join(l.dir, "sent", "*", l.Name+receipt.FileSuffix))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d receipts in sent", len(found))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

var errMoved = errors.New("it was moved")

// untouched: nothing was refused, nor believed to be sent but where allowed.
func (l *letter) untouched(but string) error {
	for _, place := range []string{"sent", "refused"} {
		entries, err := os.ReadDir(filepath.Join(l.dir, place))
		if place != but && len(entries) > 0 {
			return fmt.Errorf("%w to %s", errMoved, place)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// courier connects to addr as this sender.
func (v *victim) courier(addr string) *courier.Courier { return v.from.courier(addr, defaultStall) }

// each calls do for every item, a few at a time.
func each[T any](t *testing.T, items []T, do func(T) error) {
	t.Helper()
	const atOnce = 6
	todo := make(chan T)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for item := range todo {
				if err := do(item); err != nil {
					t.Errorf("%.80s: %v", fmt.Sprint(item), err)
				}
			}
		})
	}
	for _, item := range items {
		todo <- item
	}
	close(todo)
	workers.Wait()
}

// interceptor takes connections in the server's place, until the test ends.
type interceptor struct {
	ln      net.Listener
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   []net.Conn
}

// intercept has handle called with each connection and its number.
func intercept(t *testing.T, handle func(i *interceptor, n int, client *net.TCPConn)) *interceptor {
	t.Helper()
	ln, err := net.Listen("tcp", relayHost()+":0")
	if err != nil {
		t.Fatal(err)
	}
	i := &interceptor{ln: ln}
	i.running.Go(func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if i.track(conn) {
				i.running.Go(func() { handle(i, n, conn.(*net.TCPConn)) })
			}
		}
	})
	t.Cleanup(i.close)
	return i
}

func (i *interceptor) addr() string { return i.ln.Addr().String() }

// track has a connection closed at the end.
func (i *interceptor) track(conn net.Conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		_ = conn.Close()
		return false
	}
	i.open = append(i.open, conn)
	return true
}

func (i *interceptor) close() {
	_ = i.ln.Close()
	i.mu.Lock()
	i.closed = true
	for _, conn := range i.open {
		_ = conn.Close()
	}
	i.mu.Unlock()
	i.running.Wait()
}

// dial connects to the server; nil where that is not possible any more.
func (i *interceptor) dial(addr string) *net.TCPConn {
	conn, err := net.Dial("tcp", addr)
	if err != nil || !i.track(conn) {
		return nil
	}
	return conn.(*net.TCPConn)
}

// passSome carries a connection on until the client has said so many bytes.
func (i *interceptor) passSome(client *net.TCPConn, addr string, some int) {
	defer client.Close()
	server := i.dial(addr)
	if server == nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(client, server) })
	_, _ = io.CopyN(server, client, int64(some))
	_ = server.Close()
	back.Wait()
}

// pass carries a connection on unharmed, and writes what goes either way to up
// and down as well.
func (i *interceptor) pass(client *net.TCPConn, addr string, up, down io.Writer) {
	defer client.Close()
	server := i.dial(addr)
	if server == nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(io.MultiWriter(server, up), client); _ = server.CloseWrite() })
	both.Go(func() { _, _ = io.Copy(io.MultiWriter(client, down), server); _ = client.CloseWrite() })
	both.Wait()
	_ = server.Close()
}
