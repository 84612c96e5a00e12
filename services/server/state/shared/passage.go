package shared

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sealpost/services/server/stream"
	"sealpost/shared/message"
)

// passages are what the servers say of how they pass the entries of the replicated log, and
// what an operator says of entries that no server can keep.
type passages struct {
	// Readers are the servers that read the log, each with the position that it has promised
	// not to pass, and in front of which it keeps nothing more; 0: it has promised nothing.
	Readers map[string]uint64 `json:"readers,omitempty"`
	Void    []uint64          `json:"void,omitempty"` // positions, ascending
}

// mostVoid is how many entries may be void by an operator's word.
const mostVoid = 1024

// ErrManyVoid means that so many entries are void by an operator's word that no more may be.
var ErrManyVoid = fmt.Errorf("%d entries of the replicated log are void already: no more may be", mostVoid)

// NotStuckError means that an entry cannot be made void: servers may keep it, or do so now.
type NotStuckError struct {
	Position uint64
	Servers  []string // that have not promised to stand in front of it, in order; none: no server reads the log
}

func (e *NotStuckError) Error() string {
	if len(e.Servers) == 0 {
		return fmt.Sprintf("position %d of the replicated log: no server stands in front of it", e.Position)
	}
	return fmt.Sprintf("position %d of the replicated log: not all servers stand in front of it and cannot keep it: %s",
		e.Position, message.Visible(strings.Join(e.Servers, ", ")))
}

// Void makes an entry void that no server can keep: all pass it then, and keep nothing of it.
// Without a *NotStuckError each of servers, and whoever else reads the log, has promised to
// stand in front of it, and to ask before it goes on. An entry that is void stays so.
func (s *Shared) Void(ctx context.Context, position uint64, servers []string) error {
	_, err := s.changePassages(ctx, func(p *passages) (bool, error) {
		at, is := slices.BinarySearch(p.Void, position)
		if is {
			return false, nil
		}
		if e := p.notStuck(position, servers); e != nil {
			return false, e
		}
		if len(p.Void) >= mostVoid {
			return false, ErrManyVoid
		}
		p.Void = slices.Insert(p.Void, at, position)
		return true, nil
	})
	return err
}

// notStuck names those who do not stand in front of a position, of some servers and all that
// read the log; nil: all do.
func (p *passages) notStuck(position uint64, servers []string) error {
	all := maps.Clone(p.Readers)
	if all == nil {
		all = make(map[string]uint64)
	}
	for _, server := range servers {
		all[server] = p.Readers[server]
	}
	e := &NotStuckError{Position: position}
	for server, at := range all {
		if at != position || position == 0 {
			e.Servers = append(e.Servers, server)
		}
	}
	if len(e.Servers) == 0 && len(all) > 0 {
		return nil
	}
	slices.Sort(e.Servers)
	return e
}

// Forget has nobody wait for the word of a server. It must not run: one that does may keep what
// is made void then. Where it starts again it asks first, as every server does. It reports
// whether the server was waited for.
func (s *Shared) Forget(ctx context.Context, server string) (reads bool, err error) {
	_, err = s.changePassages(ctx, func(p *passages) (bool, error) {
		_, reads = p.Readers[server]
		delete(p.Readers, server)
		return reads, nil
	})
	return reads, err
}

// Passage is how one server passes the entries of the replicated log. It says in the register
// that it reads before it keeps an entry, or which entry it stands in front of. So an entry is
// made void either before a server is told that it may go on, and is among those that it is
// told, or while the server has promised not to pass it. It is for one goroutine.
type Passage struct {
	shared *Shared
	server string
	// reads is whether the server has set in the register that it reads, and has not tried to
	// promise anything since. If not, it sets so again, whatever the register seems to say: a
	// node that leads no more may show a value of before, and a promise of which nobody knows
	// whether it was set, in this process or in the last one, comes in no more behind that.
	reads bool
}

// Passage returns how a server passes entries. It begins with Leave.
func (s *Shared) Passage(server string) *Passage { return &Passage{shared: s, server: server} }

// Stand promises that the server does not pass the entry at a position, and keeps nothing from
// there on, until Leave has returned. It returns the positions of those that are void.
func (p *Passage) Stand(ctx context.Context, position uint64) (void []uint64, err error) {
	p.reads = false
	return p.say(ctx, position)
}

// Leave ends the promise, and returns the positions of the entries that are void: these the
// server must pass, and may keep all others until it stands again. After an error the promise
// holds on.
func (p *Passage) Leave(ctx context.Context) (void []uint64, err error) {
	void, err = p.say(ctx, 0)
	p.reads = err == nil
	return void, err
}

// say sets what the register says of the server, unless it says so.
func (p *Passage) say(ctx context.Context, position uint64) ([]uint64, error) {
	is, err := p.shared.changePassages(ctx, func(all *passages) (bool, error) {
		at, is := all.Readers[p.server]
		if is && at == position && (position > 0 || p.reads) {
			return false, nil
		}
		if all.Readers == nil {
			all.Readers = make(map[string]uint64)
		}
		all.Readers[p.server] = position
		return true, nil
	})
	return is.Void, err
}

// changePassages is Change for the passages. Files stay as they are, and so does the own copy,
// which has none of this.
func (s *Shared) changePassages(ctx context.Context, do func(*passages) (changed bool, err error)) (passages, error) {
	for {
		is, err := s.changePassagesOnce(ctx, do)
		if !errors.Is(err, stream.ErrChanged) {
			return is, err
		}
	}
}

func (s *Shared) changePassagesOnce(ctx context.Context, do func(*passages) (bool, error)) (passages, error) {
	var was newest
	err := s.locked(ctx, copyLock, func() (err error) {
		was, err = s.read(ctx)
		return err
	})
	if err != nil {
		return passages{}, err
	}
	is := newest{files: was.files, passages: was.passages.clone()}
	if changed, err := do(&is.passages); err != nil || !changed {
		return is.passages, err
	}
	_, err = s.set(ctx, is, was)
	return is.passages, err
}

func (p passages) clone() passages {
	return passages{Readers: maps.Clone(p.Readers), Void: slices.Clone(p.Void)}
}
