package durable

import (
	"cmp"
	"time"
)

// gaugeFor is how long a gauge is not read again: a reading costs a tenth of a
// small group.
const gaugeFor = 10 * time.Millisecond

// Gauge reads a number of bytes, and for a while gives the same one again. It is
// for one goroutine at a time.
type Gauge struct {
	Read func() (uint64, error)
	For  time.Duration // 0: 10 ms

	at    time.Time
	bytes uint64
	err   error
}

// Value returns the number of bytes, and whether it was read just now.
func (g *Gauge) Value() (value uint64, fresh bool, err error) {
	if now := time.Now(); g.at.IsZero() || now.Sub(g.at) > cmp.Or(g.For, gaugeFor) {
		g.bytes, g.err = g.Read()
		g.at, fresh = now, true
	}
	return g.bytes, fresh, g.err
}

// Forget has the next Value read again.
func (g *Gauge) Forget() { g.at = time.Time{} }
