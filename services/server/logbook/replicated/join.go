package replicated

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// JoinError means that the log begins behind what this server's volume has read, and that
// the volume does not keep all that came before.
type JoinError struct {
	First uint64 // position where the log begins
	Keeps uint64 // messages that the volume keeps
	Wants uint64 // that it must keep, at least; 0: that is not known
	Cause error  // nil: Keeps is less than Wants
}

func (e *JoinError) Error() string {
	text := fmt.Sprintf("the replicated log begins at position %d, behind what this server has read", e.First)
	if e.Cause != nil {
		return text + ": " + e.Cause.Error()
	}
	return text + fmt.Sprintf(", and this volume keeps %d of %d messages that came before: "+
		"copy another server's volume to it", e.Keeps, e.Wants)
}

func (e *JoinError) Unwrap() error { return e.Cause }

var (
	errUnmarked = errors.New("no server has said what the log had come to there")
	errDisputed = errors.New("no majority of the servers agrees on what the log had come to there")
	errRetired  = errors.New("this volume lacks messages in its list of retired ones: copy another server's volume to it")
	errHistory  = errors.New("this volume keeps other messages than came before: it belongs to another log")
)

// marked is what a mark says.
type marked struct {
	entry.Mark
	state fold.State
}

// join goes on where the log begins, if the volume keeps all that was removed from it.
func (r *reader) join(info stream.Info) error {
	marks, err := r.marksAt(info)
	if err != nil {
		return err
	}
	if marks, err = r.believed(marks, info); err != nil {
		return err
	}
	for _, m := range marks { // a server may have kept others since
		if err = r.holds(m.Mark, info.First); err == nil {
			r.cfg.Local.Log.Info().Uint64("first", info.First).Uint64("messages", r.Len()).
				Msg("the volume keeps what was removed from the replicated log")
			r.saved = m.state
			return nil
		}
	}
	return err
}

// holds is a *JoinError unless the volume keeps what came before a mark.
func (r *reader) holds(m entry.Mark, first uint64) error {
	e := &JoinError{First: first, Keeps: r.Len(), Wants: m.Number}
	if e.Keeps < e.Wants {
		return e
	}
	root, err := r.root(m.Number)
	if err != nil {
		return err
	}
	if root != tlog.Hash(m.Root) {
		e.Cause = errHistory
		return e
	}
	if r.Retirer.Serial() < m.Retired {
		e.Cause = errRetired
		return e
	}
	return nil
}

// imported goes on from what every volume is to keep before the log.
func (p *passing) imported(step fold.Step) error {
	before := entry.Mark{Number: step.Import.Number, Root: step.Import.Root, Retired: step.Import.Retired}
	if err := p.holds(before, step.Position); err != nil {
		return err
	}
	p.window.begins(before.Number)
	return nil
}

// errFound ends the search early.
var errFound = errors.New("found")

// marksAt finds the marks for which the log may begin where it does. Servers mark a place
// soon behind it, and the next one later.
func (r *reader) marksAt(info stream.Info) (found []marked, err error) {
	none := &JoinError{First: info.First, Keeps: r.Len(), Cause: errUnmarked}
	if info.Entries == 0 {
		return nil, none
	}
	err = ReadTo(r.ctx, r.cfg.Log, info.First-1, info.Last, func(e fold.Entry) error {
		m, is := r.markOf(e)
		if is && m.state.Needed() == info.First {
			found = append(found, m)
		}
		if is && len(found) > 0 && m.state.Needed() > info.First {
			return errFound
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errFound):
		return nil, err
	case len(found) == 0:
		return nil, none
	}
	return found, nil
}

// believed returns the marks of one log. A server that has read another one may have marked
// the place, too: who is right is what the servers say behind it.
func (r *reader) believed(marks []marked, info stream.Info) ([]marked, error) {
	logs := make(map[entry.Chain][]marked)
	for _, m := range marks {
		logs[m.Chain] = append(logs[m.Chain], m)
	}
	if len(logs) == 1 {
		return marks, nil
	}
	for _, of := range logs {
		fork, err := r.judged(of[0].state, info.Last)
		if err != nil {
			return nil, err
		}
		if fork == nil || fork.Ours {
			return of, nil
		}
	}
	return nil, &JoinError{First: info.First, Keeps: r.Len(), Cause: errDisputed}
}

// judged is what becomes of a state in the eyes of the servers up to a position.
func (r *reader) judged(from fold.State, last uint64) (*fold.ForkError, error) {
	f, err := fold.New(r.key, r.cfg.Server, from)
	if err != nil {
		return nil, err
	}
	err = ReadTo(r.ctx, r.cfg.Log, from.Position, last, func(e fold.Entry) error {
		_, err := f.Take(e)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.Judge(), nil
}

// markOf returns what an entry marks, if it does.
func (r *reader) markOf(e fold.Entry) (m marked, is bool) {
	h, body, err := r.key.Open(e.Data)
	if err != nil || h.Mark == nil || json.Unmarshal(body, &m.state) != nil {
		return m, false
	}
	m.Mark = *h.Mark
	return m, m.state.Position == m.Position && m.state.Chain == m.Chain
}

// root returns that of the volume's first messages, unless the logbook is closed meanwhile.
func (l *Logbook) root(messages uint64) (tlog.Hash, error) {
	m, err := manifest.View(disk.New(l.cfg.Local.Dir))
	if err != nil {
		return tlog.Hash{}, err
	}
	defer func() { _ = m.Close() }()
	return merkle.RootOf(l.ctx, m, messages)
}
