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
	if now := time.Now(); g.at.IsZero() || now.Sub(g.at) > gaugeFor {
		g.bytes, g.err = g.read()
		g.at = now
	}
	return g.bytes, g.err
}
