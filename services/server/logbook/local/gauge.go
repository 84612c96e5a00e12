package local

import "time"

// gaugeFor is how long a gauge is not read again: a reading costs a tenth of a
// small group.
const gaugeFor = 10 * time.Millisecond

// gauge reads a number of bytes, and for gaugeFor gives the same one again. It
// is for one goroutine at a time.
type gauge struct {
	read  func() (uint64, error)
	at    time.Time
	bytes uint64
	err   error
}

func (g *gauge) value() (uint64, error) {
	value, _, err := g.look()
	return value, err
}

// look is value, and whether it was read just now.
func (g *gauge) look() (value uint64, fresh bool, err error) {
	if now := time.Now(); g.at.IsZero() || now.Sub(g.at) > gaugeFor {
		g.bytes, g.err = g.read()
		g.at, fresh = now, true
	}
	return g.bytes, fresh, g.err
}

// forget has the next look read.
func (g *gauge) forget() { g.at = time.Time{} }
