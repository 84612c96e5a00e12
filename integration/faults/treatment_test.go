package faults

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// kind is what is done to a connection.
type kind string

const (
	cut        kind = "cut"              // both sides see an orderly end, mid-stream
	reset      kind = "reset"            // both sides see a reset
	halfOpen   kind = "half-open"        // nothing passes any more, and nobody is told
	trickle    kind = "a byte at a time" // too slow to be of use
	duplicated kind = "duplicated"       // the server hears everything on a second connection too
	flipped    kind = "flipped bit"      // one bit, once
)

var kinds = []kind{cut, reset, halfOpen, trickle, duplicated, flipped}

// treatment is a fault and its moment: after so many bytes of one direction.
type treatment struct {
	kind  kind
	up    bool
	after int
	bit   byte

	mu     sync.Mutex
	passed int // bytes in the fault's direction
	hit    bool
}

func draw(k kind, random *rand.Rand) *treatment {
	t := &treatment{kind: k, up: random.IntN(3) > 0, bit: 1 << random.IntN(8)}
	// The first bytes are the greeting of TLS, then come log-in and messages. A
	// server says far less than a client.
	spans := []int{600, 6_000, 400_000}
	if !t.up {
		spans = []int{600, 3_000, 20_000}
	}
	t.after = random.IntN(spans[random.IntN(len(spans))])
	return t
}

func (t *treatment) struck() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hit
}

// due cuts p where the fault strikes: before is what still passes unharmed. It
// strikes once; hit says whether it has.
func (t *treatment) due(p []byte, up bool) (before, rest []byte, now, hit bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hit {
		return nil, p, false, true
	}
	if up != t.up {
		return p, nil, false, false
	}
	if t.passed+len(p) <= t.after {
		t.passed += len(p)
		return p, nil, false, false
	}
	n := t.after - t.passed
	t.hit = true
	return p[:n], p[n:], true, true
}

func (t *treatment) forward(ctx context.Context, l *line, to *net.TCPConn, p []byte, up bool) error {
	before, rest, now, hit := t.due(p, up)
	if len(before) > 0 {
		if _, err := to.Write(before); err != nil {
			return err
		}
	}
	if !hit {
		return nil
	}
	return t.strike(ctx, l, to, rest, up, now)
}

// strike handles what comes after the fault's moment; now says whether it is
// this very moment.
func (t *treatment) strike(ctx context.Context, l *line, to *net.TCPConn, p []byte, up, now bool) error {
	switch t.kind {
	case halfOpen:
		return nil // swallowed; reading on shows when each side gives up
	case trickle:
		if up == t.up {
			return drip(ctx, to, p)
		}
	case flipped:
		if now {
			p[0] ^= t.bit
		}
	case reset:
		_, _ = l.client.SetLinger(0), l.server.SetLinger(0)
		return errStruck
	default:
		return errStruck
	}
	_, err := to.Write(p)
	return err
}

// dripEvery makes hundreds of bytes a second: as useless as one a second under
// the limits that the server has here, and sooner over.
const dripEvery = 3 * time.Millisecond

func drip(ctx context.Context, to *net.TCPConn, p []byte) error {
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for i := range p {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := to.Write(p[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}
