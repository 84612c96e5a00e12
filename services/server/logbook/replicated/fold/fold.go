// Package fold applies the entries of the replicated log in their order. Every server
// does, and comes to the same, whatever its own settings, clock and disk are.
//
// An entry counts, or it is void: it was not sealed by a server of this cluster, cannot
// be read, or contradicts itself or the log before it. What is void is so on every
// server. An entry that a newer server published, and settings that this one does not
// have, end the fold in front of them: to pass them over would be to differ.
//
// Which (sender, id) comes first, and what number it has, is not decided here: that is
// the logbook's index and queue, which get messages in the order of Take. Nor is which messages
// are retired: that is what the volume's note of them has come to.
//
// Each server says in all that it publishes how far it had read, and what. From that Take
// learns who has read something else: see Judge.
package fold

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/shared/numbers"
)

// State is what the entries up to a position come to.
type State struct {
	Position uint64            `json:"position"`
	Time     time.Time         `json:"time"` // of the entry there
	Chain    entry.Chain       `json:"chain"`
	Settings *entry.Settings   `json:"settings,omitempty"` // none before the first
	Control  uint64            `json:"control"`            // position of the newest settings or servers
	Servers  map[string]Server `json:"servers"`            // those that count
	Chunks   []OpenChunk       `json:"chunks,omitempty"`   // that a message may still name, in order
	Places   []Place           `json:"places,omitempty"`   // in order
	Bytes    uint64            `json:"bytes"`              // of the entries behind the newest place
	Messages uint64            `json:"messages"`           // that have a number, as the volume says
}

// Server is what is known of a server that counts.
type Server struct {
	Seen    uint64 `json:"seen"`    // the newest position that it said it had read
	Differs bool   `json:"differs"` // it had read something else up to there
	Durable uint64 `json:"durable"` // the newest position up to which it keeps everything
}

// OpenChunk is a part of a message whose entry has not come.
type OpenChunk struct {
	Position uint64    `json:"position"`
	Time     time.Time `json:"time"`
}

// ChunkLife is how long before a message's entry its chunks are published, at most, by
// the log's clock. So a server knows what it must be able to read again.
const ChunkLife = time.Hour

func (s State) clone() State {
	s.Servers = maps.Clone(s.Servers)
	s.Chunks = slices.Clone(s.Chunks)
	s.Places = slices.Clone(s.Places)
	return s
}

// Needed returns the first position that must stay in the log for who goes on from here.
func (s State) Needed() uint64 {
	if len(s.Chunks) > 0 {
		return s.Chunks[0].Position
	}
	return s.Position + 1
}

// Entry is an entry as the log has it.
type Entry struct {
	Position uint64 // from 1 on, without a gap
	Time     time.Time
	Data     []byte
}

// Step is what came of an entry.
type Step struct {
	Entry
	entry.Header
	Body    []byte
	Numbers numbers.Set // that are retired
	// Void is why it does not count. The header is what could be read of it.
	Void error
}

// OrderError means that an entry is not the next one.
type OrderError struct{ Want, Got uint64 }

func (e *OrderError) Error() string {
	return fmt.Sprintf("entry %d of the replicated log came where %d belongs", e.Got, e.Want)
}

// Fold applies entries. It is for one goroutine.
type Fold struct {
	key    entry.Key
	server string
	state  State
	zone   *time.Location // of the settings
	recent chains
}

// New goes on from a state, which may be the zero one. server is this one's name.
func New(key entry.Key, server string, from State) (*Fold, error) {
	f := &Fold{key: key, server: server, state: from.clone()}
	if f.state.Servers == nil {
		f.state.Servers = make(map[string]Server)
	}
	f.recent.put(from.Position, from.Chain)
	if from.Settings == nil {
		return f, nil
	}
	var err error
	f.zone, err = zoneOf(*from.Settings)
	return f, err
}

// State returns what the entries so far come to.
func (f *Fold) State() State { return f.state.clone() }

// AtPlace reports whether State is that of a place.
func (f *Fold) AtPlace() bool { return f.state.AtPlace() }

// Counts reports whether this server is one of those that count, or none does.
func (f *Fold) Counts() bool {
	_, counts := f.state.Servers[f.server]
	return counts || len(f.state.Servers) == 0
}

// Settings returns those that hold, with their zone; nil where there are none yet.
func (f *Fold) Settings() (*entry.Settings, *time.Location) { return f.state.Settings, f.zone }

// Seen is what this server says of itself in what it publishes.
func (f *Fold) Seen() entry.Seen { return entry.Seen{Position: f.state.Position, Chain: f.state.Chain} }

// Take applies the next entry. Errors end the fold in front of it: an *OrderError, an
// *entry.VersionError or a *ZoneError.
func (f *Fold) Take(e Entry) (Step, error) {
	if want := f.state.Position + 1; e.Position != want {
		return Step{}, &OrderError{Want: want, Got: e.Position}
	}
	step := Step{Entry: e}
	step.Header, step.Body, step.Void = f.key.Open(e.Data)
	if newer := new(entry.VersionError); errors.As(step.Void, &newer) {
		return Step{}, newer
	}
	if step.Void == nil {
		step.Void = f.apply(&step)
	}
	if missing := new(ZoneError); errors.As(step.Void, &missing) {
		return Step{}, missing
	}
	f.advance(e)
	return step, nil
}

func (f *Fold) advance(e Entry) {
	f.state.Chain = entry.Next(f.state.Chain, e.Position, e.Time, e.Data)
	f.state.Position, f.state.Time = e.Position, e.Time
	f.recent.put(e.Position, f.state.Chain)
	old := 0
	for ; old < len(f.state.Chunks) && e.Time.Sub(f.state.Chunks[old].Time) > ChunkLife; old++ {
	}
	f.state.Chunks = f.state.Chunks[old:]
	f.state.place(uint64(len(e.Data)))
}

// apply checks an entry that was sealed, and does what it says to the state.
func (f *Fold) apply(step *Step) error {
	if err := f.compare(step); err != nil {
		return err
	}
	switch h := &step.Header; h.Kind {
	case entry.KindMessage:
		return f.message(step)
	case entry.KindChunk:
		return f.chunk(step)
	case entry.KindSettings:
		return f.settings(step, *h.Settings)
	case entry.KindServers:
		return f.servers(step, *h.Servers)
	case entry.KindNote:
		f.note(h.Server, h.Note.Durable)
	case entry.KindMark:
		return f.mark(*h.Mark)
	case entry.KindImport:
		return f.imported(step)
	case entry.KindRetire:
		return retire(step)
	}
	return nil
}
