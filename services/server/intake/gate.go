package intake

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// gate counts connections, in all and per address.
type gate struct {
	max, perAddress int

	mu    sync.Mutex
	total int
	count map[string]int
}

func newGate(max, perAddress int) *gate {
	return &gate{max: max, perAddress: perAddress, count: make(map[string]int)}
}

func (g *gate) enter(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count[address] >= g.perAddress || !g.enterTotal() {
		return false
	}
	g.count[address]++
	return true
}

func (g *gate) leave(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.count[address]--; g.count[address] == 0 {
		delete(g.count, address)
	}
}

// enterUnknown counts a connection whose address is still to come: it counts
// among all.
func (g *gate) enterUnknown() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.enterTotal()
}

// leaveUnknown ends what enterUnknown began, for one that never got an address.
func (g *gate) leaveUnknown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
}

// become counts a connection of enterUnknown for its address, once that is known.
func (g *gate) become(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count[address] >= g.perAddress {
		return false
	}
	g.count[address]++
	return true
}

func (g *gate) enterTotal() bool {
	if g.total >= g.max {
		return false
	}
	g.total++
	return true
}

// guard slows down whoever guesses tokens: the answer to a failed log-in waits
// longer with each failure of its address. A valid token is never delayed, not
// even from an address that others have spoiled.
type guard struct {
	first time.Duration

	mu       sync.Mutex
	failures map[string]failure
}

type failure struct {
	count  int
	last   time.Time
	delays backoff.ExponentialBackOff
}

func newGuard(first time.Duration) *guard {
	return &guard{first: first, failures: make(map[string]failure)}
}

// failed notes a failed log-in and returns how long its answer waits.
func (g *guard) failed(address string, now time.Time) (pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.failures[address]
	if now.Sub(f.last) > forgetAfter {
		f = failure{delays: backoff.ExponentialBackOff{
			InitialInterval: g.first, Multiplier: 2,
			MaxInterval: max(maxLoginDelay, g.first), // an operator may want more from the start
		}}
	}
	if len(g.failures) >= maxGuarded {
		g.forget(now)
	}
	f.count++
	f.last = now
	if f.count > freeFailures {
		pause = f.delays.NextBackOff()
	}
	g.failures[address] = f
	return pause
}

// forget removes old failures, and any others while there are too many. It walks
// through all of them, so it removes many at a time.
func (g *guard) forget(now time.Time) {
	for address, f := range g.failures {
		if now.Sub(f.last) > forgetAfter {
			delete(g.failures, address)
		}
	}
	for address := range g.failures {
		if len(g.failures) <= maxGuarded-maxGuarded/4 {
			return
		}
		delete(g.failures, address)
	}
}
