package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

// asLoad in the environment of a second process of this program says that it is
// the load.
const asLoad = "SEALPOST_BENCH_ROLE=load"

const messageName = "message.bin"

// What the two processes say to each other is JSON, an outcome for each order.
// The load of another tree is asked in the same words, so fields may be added
// but not change.
type (
	// order is to connect to a server and hold Connections, logged in with the
	// tokens in turn; or, without a Server, to send Messages in all, each of Size
	// bytes or the file at Path, InFlight at a time on each of the first Senders
	// connections.
	order struct {
		Server                            string
		Access                            access
		Connections                       int
		Messages, Senders, InFlight, Size int
		Path                              string
	}

	// outcome is empty after connecting. A latency is the time from the first
	// byte that is hashed to the receipt.
	outcome struct {
		Elapsed   time.Duration
		Latencies []time.Duration
	}
)

// addTo adds what came of n messages to the values of a run, and returns these.
func (o outcome) addTo(v values, n int) values {
	v[rate] = float64(n) / o.Elapsed.Seconds()
	if len(o.Latencies) > 0 {
		v[middle], v[slow] = percentile(o.Latencies, 0.5), percentile(o.Latencies, 0.99)
	}
	return v
}

// playLoad is the process that sends: it carries out one order after the other.
// io.EOF when there are no more.
func playLoad(ctx context.Context, orders *json.Decoder, outcomes *json.Encoder) (err error) {
	var couriers []*courier.Courier
	for err == nil {
		var o order
		if err := orders.Decode(&o); err != nil {
			return err
		}
		var result outcome
		if o.Server != "" {
			couriers, err = connect(ctx, o)
		} else {
			result, err = deliverAll(ctx, couriers, o)
		}
		if err == nil {
			err = outcomes.Encode(result)
		}
	}
	return err
}

// connect logs in on every connection. They last as long as the process.
func connect(ctx context.Context, o order) ([]*courier.Courier, error) {
	pins, err := identity.ParsePins(o.Access.Identity)
	if err != nil {
		return nil, err
	}
	// Each sender would be a machine of its own, whose processor has the
	// signatures of its own receipts to check. Here all of them share the
	// server's processor, and so one check of each commit.
	receipts := receipt.NewVerifier(pins)
	couriers := make([]*courier.Courier, o.Connections)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := range couriers {
		g.Go(func() error {
			tok, err := token.Parse(o.Access.Tokens[i%len(o.Access.Tokens)])
			if err != nil {
				return err
			}
			couriers[i] = courier.New(courier.Config{
				Servers: dial.One(o.Server, pins.ClientTLS()), Token: tok, Pins: pins, Timeout: 2 * time.Minute,
				Receipts: receipts, Log: zerolog.Nop(),
			})
			_, err = couriers[i].Logbook(ctx)
			return err
		})
	}
	return couriers, g.Wait()
}

// deliverAll delivers the messages of o.
func deliverAll(ctx context.Context, couriers []*courier.Courier, o order) (outcome, error) {
	body := content(o.Size)
	open := func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(body)), nil }
	if o.Path != "" {
		open = func() (io.ReadSeekCloser, error) { return os.Open(o.Path) }
	}
	result := outcome{Latencies: make([]time.Duration, o.Messages)}
	var taken atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	started := time.Now()
	for i := range o.Senders * o.InFlight {
		g.Go(func() error {
			for n := taken.Add(1) - 1; n < int64(o.Messages); n = taken.Add(1) - 1 {
				begin := time.Now()
				if err := deliver(ctx, couriers[i%o.Senders], open); err != nil {
					return err
				}
				result.Latencies[n] = time.Since(begin)
			}
			return nil
		})
	}
	err := g.Wait()
	result.Elapsed = time.Since(started)
	return result, err
}

// deliver hashes a message first, as every client has to.
func deliver(ctx context.Context, c *courier.Courier, open func() (io.ReadSeekCloser, error)) error {
	from, err := open()
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, from)
	if err := errors.Join(err, from.Close()); err != nil {
		return err
	}
	_, err = c.Deliver(ctx, courier.Message{
		ID: message.NewID(), Name: messageName, Cipher: message.None,
		Size: uint64(n), SHA256: [sha256.Size]byte(hash.Sum(nil)), Open: open,
	})
	return err
}

var seed = [32]byte{7}

// content returns n bytes that look random and are the same every time.
func content(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(p) // it never fails
	return p
}
