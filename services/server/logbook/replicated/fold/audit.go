package fold

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/message"
)

// remembered is for how many positions a server can compare what another one had read.
const remembered = 1 << 16

// chains are those of the newest positions, in a ring.
type chains struct {
	ring        []entry.Chain // that of a position is at the place of its distance from the first
	first, next uint64        // positions that were put: the first one, and the one behind the newest
}

// put takes the next position, or the first one.
func (c *chains) put(position uint64, chain entry.Chain) {
	if c.ring == nil {
		c.first = position
	}
	if at := position - c.first; at < remembered {
		c.ring = append(c.ring, chain)
	} else {
		c.ring[at%remembered] = chain
	}
	c.next = position + 1
}

// at returns the chain of a position, where it is remembered.
func (c *chains) at(position uint64) (entry.Chain, bool) {
	if position >= c.next || position < c.next-uint64(len(c.ring)) {
		return entry.Chain{}, false
	}
	return c.ring[(position-c.first)%remembered], true
}

var errFuture = errors.New("its publisher says that it had read the entry itself")

// compare holds what a server had read against the same part of the log here. What it
// said before about less is overtaken; a copy of an old entry says nothing new.
func (f *Fold) compare(step *Step) error {
	if step.Seen.Position >= step.Position {
		return errFuture
	}
	s, counts := f.state.Servers[step.Server]
	if !counts || step.Server == f.server || step.Seen.Position < s.Seen {
		return nil
	}
	chain, known := f.recent.at(step.Seen.Position)
	if !known {
		return nil
	}
	s.Seen, s.Differs = step.Seen.Position, chain != step.Seen.Chain
	f.state.Servers[step.Server] = s
	return nil
}

// ForkError means that servers have read different things at the same positions. Some
// node of the log has lost or changed entries.
type ForkError struct {
	Differ []string // servers that have read something else than this one
	Agree  []string // those that have read the same
	Silent []string // those that count and have said nothing about that part yet
	Ours   bool     // this server is one of the many, and goes on
}

func (e *ForkError) Error() string {
	text := "other servers have read something else in the replicated log: " + names(e.Differ)
	if len(e.Agree) > 0 {
		text += "; the same: " + names(e.Agree)
	}
	if len(e.Silent) > 0 {
		text += "; not heard of: " + names(e.Silent)
	}
	if e.Ours {
		return text + "; those who have read the same are the majority"
	}
	return text + "; this server has no majority"
}

func names(of []string) string { return message.Visible(fmt.Sprint(strings.Join(of, ", "))) }

// Judge returns nil where nobody has read something else than this server, otherwise a
// *ForkError. A server goes on while it and those who agree with it are more than half of
// all that count. Who agreed about less than is in doubt now does not count for that.
func (f *Fold) Judge() *ForkError {
	e, doubt := new(ForkError), f.doubt()
	if doubt == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.state.Servers)) {
		switch s := f.state.Servers[name]; {
		case name == f.server:
		case s.Differs:
			e.Differ = append(e.Differ, name)
		case s.Seen >= doubt:
			e.Agree = append(e.Agree, name)
		default:
			e.Silent = append(e.Silent, name)
		}
	}
	e.Ours = 2*(len(e.Agree)+1) > len(f.state.Servers)
	return e
}

// doubt returns the first position up to which a server has read something else; 0: none
// has.
func (f *Fold) doubt() (first uint64) {
	for _, s := range f.state.Servers {
		if s.Differs && (first == 0 || s.Seen < first) {
			first = s.Seen
		}
	}
	return first
}
