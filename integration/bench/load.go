package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

const (
	messageName = "message.bin"
	// patience is the longest time that nothing may move on a connection.
	patience = 2 * time.Minute
	dialers  = 16
)

// loadConfig says where the load goes; it then holds that many connections,
// logged in, with the tokens in turn.
type loadConfig struct {
	Server      string
	Access      access
	Connections int
}

// order is one run: Messages in all, each of Size bytes or the file at Path,
// InFlight at a time on each of the first Senders connections.
type order struct {
	Messages, Senders, InFlight int
	Size                        int
	Path                        string
}

// outcome of an order. A latency is the time from the first byte that is hashed
// to the receipt.
type outcome struct {
	Elapsed   time.Duration
	CPU       time.Duration
	Latencies []time.Duration
}

// playLoad is the process that sends.
func playLoad(ctx context.Context, c *conversation) error {
	var config loadConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	if err := needFiles(config.Connections); err != nil {
		return err
	}
	l, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer l.close()
	if err := c.tell(struct{}{}); err != nil {
		return err
	}
	for {
		var o order
		if err := c.hear(&o); err != nil {
			return err
		}
		result, err := l.run(ctx, o)
		if err != nil {
			return err
		}
		if err := c.tell(result); err != nil {
			return err
		}
	}
}

// load is a number of connections.
type load struct{ couriers []*courier.Courier }

// connect logs in on every connection.
func connect(ctx context.Context, config loadConfig) (*load, error) {
	pins, err := identity.ParsePins(config.Access.Identity)
	if err != nil {
		return nil, err
	}
	// Each sender would be a machine of its own, whose processor has the
	// signatures of its own receipts to check. Here all of them share the
	// server's processor, and so one check of each commit.
	receipts := receipt.NewVerifier(pins)
	l := &load{couriers: make([]*courier.Courier, config.Connections)}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dialers)
	for i := range l.couriers {
		tok, err := token.Parse(config.Access.Tokens[i%len(config.Access.Tokens)])
		if err != nil {
			return nil, err
		}
		l.couriers[i] = courier.New(courier.Config{
			Server: config.Server, TLS: pins.ClientTLS(), Token: tok, Pins: pins, Timeout: patience,
			Receipts: receipts, Log: zerolog.Nop(),
		})
		g.Go(func() error {
			_, err := l.couriers[i].Logbook(ctx)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		l.close()
		return nil, fmt.Errorf("log-in: %w", err)
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.couriers {
		if c != nil {
			_ = c.Close() // it holds nothing that could be lost: every message has its receipt
		}
	}
}

// run delivers the messages of o.
func (l *load) run(ctx context.Context, o order) (outcome, error) {
	if o.Senders > len(l.couriers) {
		return outcome{}, fmt.Errorf("%d senders on %d connections", o.Senders, len(l.couriers))
	}
	body := content(o.Size)
	result := outcome{Latencies: make([]time.Duration, o.Messages)}
	var taken atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	var ready sync.WaitGroup
	begin := make(chan struct{})
	for i := range o.Senders * o.InFlight {
		ready.Add(1)
		g.Go(func() error {
			ready.Done()
			<-begin
			return deliver(ctx, l.couriers[i%o.Senders], o, body, &taken, result.Latencies)
		})
	}
	ready.Wait()
	cpu, err := cpuOf(os.Getpid())
	if err != nil {
		return outcome{}, err
	}
	started := time.Now()
	close(begin)
	if err := g.Wait(); err != nil {
		return outcome{}, err
	}
	result.Elapsed = time.Since(started)
	used, err := cpuOf(os.Getpid())
	result.CPU = used - cpu
	return result, err
}

// deliver sends one message after the other until all of o are taken.
func deliver(ctx context.Context, c *courier.Courier, o order, body []byte, taken *atomic.Int64, latencies []time.Duration) error {
	for {
		n := taken.Add(1)
		if n > int64(o.Messages) {
			return nil
		}
		begin := time.Now()
		m, err := newMessage(o, body)
		if err != nil {
			return err
		}
		if _, err := c.Deliver(ctx, m); err != nil {
			return err
		}
		latencies[n-1] = time.Since(begin)
	}
}

// newMessage hashes the bytes, as every client has to.
func newMessage(o order, body []byte) (courier.Message, error) {
	m := courier.Message{ID: message.NewID(), Name: messageName, Cipher: message.None}
	if o.Path == "" {
		m.Size, m.SHA256 = uint64(len(body)), sha256.Sum256(body)
		m.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		return m, nil
	}
	var err error
	m.Open = func() (io.ReadCloser, error) { return os.Open(o.Path) }
	m.Size, m.SHA256, err = hashFile(o.Path)
	return m, err
}

// hashFile reads a file once.
func hashFile(path string) (size uint64, sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, sum, err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	hash.Sum(sum[:0])
	return uint64(n), sum, err
}

// content returns n bytes that look random and are the same every time.
func content(n int) []byte {
	seed := [32]byte{7}
	p := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(p) // it never fails
	return p
}
