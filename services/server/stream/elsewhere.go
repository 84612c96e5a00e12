package stream

import (
	"errors"
	"sync"
	"time"
)

const (
	// lonelyAfter is for how long a node may have no answer from the others before another one
	// is tried: an election takes as long, and longer ones are rare.
	lonelyAfter = 5 * time.Second
	// leaveEvery lies between two changes of the node, which cost the acknowledgements that are
	// waited for.
	leaveEvery = 5 * time.Second
)

// company is whether the node that this is connected to reaches the one that leads. One that is
// cut off from the others keeps its connections, and answers for ever that it cannot.
type company struct {
	mu     sync.Mutex
	alone  time.Time // since when there was no answer; zero: there was one
	parted time.Time // when the node was left last
}

// heard takes down whether a question was answered, and reports whether it is time to leave.
func (c *company) heard(err error, now time.Time) (leave bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoStream):
		c.alone = time.Time{}
	case c.alone.IsZero():
		c.alone = now
	case now.Sub(c.alone) >= lonelyAfter && now.Sub(c.parted) >= leaveEvery:
		c.parted = now
		return true
	}
	return false
}

// answered connects to another node where this one has reached no leader for too long.
func (s *Stream) answered(err error) {
	if !s.company.heard(err, time.Now()) {
		return
	}
	s.cfg.Log.Warn().Err(err).Str("node", s.conn.ConnectedUrlRedacted()).
		Msg("a node of the stream reaches no leader: another one is tried")
	if err := s.conn.ForceReconnect(); err != nil {
		s.cfg.Log.Warn().Err(err).Msg("no other node is tried")
	}
}
