package fold

import (
	"errors"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
)

// Place is a position up to which the log may be removed once a server has said, in an
// entry behind it, what the log came to there.
type Place struct {
	Position uint64      `json:"position"`
	Needed   uint64      `json:"needed"` // the first position that who begins behind it may read
	Chain    entry.Chain `json:"chain"`
	Time     time.Time   `json:"time"` // of the entry there
	Marked   bool        `json:"marked"`
}

// How far places lie apart, at most, by the log's clock and in bytes of entries; and how
// many are remembered. They are the same on all servers, as all of a fold is.
const (
	placeEvery = time.Hour
	placeBytes = 256 << 20
	mostPlaces = 64
)

// place makes the newest position a place where the one before lies far enough behind.
func (s *State) place(size uint64) {
	s.Bytes += size
	if n := len(s.Places); n > 0 && s.Bytes < placeBytes && s.Time.Sub(s.Places[n-1].Time) < placeEvery {
		return
	}
	s.Bytes = 0
	s.Places = append(s.Places, Place{Position: s.Position, Needed: s.Needed(), Chain: s.Chain, Time: s.Time})
	if len(s.Places) > mostPlaces {
		s.Places = thin(s.Places)
	}
}

// thin leaves out each second of the older half: what is to be removed soon must be known
// exactly, what is old need not.
func thin(places []Place) []Place {
	half := len(places) / 2
	left := make([]Place, 0, len(places))
	for i, p := range places {
		if i >= half || i%2 == 0 {
			left = append(left, p)
		}
	}
	return left
}

// AtPlace reports whether the state is that of a place.
func (s State) AtPlace() bool {
	n := len(s.Places)
	return n > 0 && s.Places[n-1].Position == s.Position
}

// errMark voids a mark by a server that has read something else.
var errMark = errors.New("it is not what the log came to there")

// mark notes that a place was marked. One that is not remembered is of no use any more.
func (f *Fold) mark(m entry.Mark) error {
	for i := range f.state.Places {
		p := &f.state.Places[i]
		if p.Position != m.Position {
			continue
		}
		if p.Chain != m.Chain {
			return errMark
		}
		p.Marked = true
	}
	return nil
}

// Unneeded returns the first position that must stay in the log. What lies before it is
// kept by every server that counts, was there before a time, and can be begun behind.
func (s State) Unneeded(before time.Time) (below uint64) {
	kept := s.leastDurable()
	below = 1
	for _, p := range s.Places {
		if p.Marked && p.Needed <= kept+1 && p.Time.Before(before) {
			below = p.Needed
		}
	}
	return below
}

// Frees reports whether a server that keeps everything up to a position, and was last known to
// keep less, is needed no more for what lies before a place.
func (s State) Frees(before, now uint64) bool {
	for _, p := range s.Places {
		if p.Marked && p.Needed > before+1 && p.Needed <= now+1 {
			return true
		}
	}
	return false
}

// leastDurable is up to where all servers that count keep everything.
func (s State) leastDurable() uint64 {
	_, least := s.slowest()
	return least
}

// slowest returns the server that keeps least, and up to where. Without any nothing is
// kept.
func (s State) slowest() (name string, durable uint64) {
	for server, is := range s.Servers {
		if name == "" || is.Durable < durable || is.Durable == durable && server < name {
			name, durable = server, is.Durable
		}
	}
	return name, durable
}

// enough is how many servers must keep what another one lacks, for that to be forgotten.
const enough = 2

// Hinders returns the server for which alone entries stay in the log that enough others
// keep; "" where there is none.
func (s State) Hinders() string {
	name, least := s.slowest()
	for _, p := range s.Places {
		if !p.Marked || p.Needed <= least+1 {
			continue
		}
		keep := 0
		for _, is := range s.Servers {
			if p.Needed <= is.Durable+1 {
				keep++
			}
		}
		if keep >= enough {
			return name
		}
	}
	return ""
}
