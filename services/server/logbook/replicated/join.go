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
	errHistory  = errors.New("this volume keeps other messages than came before: it belongs to another log")
)

// join goes on where the log begins, if the volume keeps all that was removed from it.
func (r *reader) join(info stream.Info) error {
	mark, state, err := r.markAt(info)
	if err != nil {
		return err
	}
	e := &JoinError{First: info.First, Keeps: r.Len(), Wants: mark.Number}
	if e.Keeps < e.Wants {
		return e
	}
	root, err := r.root(mark.Number)
	if err != nil {
		return err
	}
	if root != tlog.Hash(mark.Root) {
		e.Cause = errHistory
		return e
	}
	r.cfg.Local.Log.Info().Uint64("first", info.First).Uint64("messages", e.Keeps).
		Msg("the volume keeps what was removed from the replicated log")
	r.saved = state
	return nil
}

// errFound ends the search.
var errFound = errors.New("found")

// markAt finds the mark for which the log may begin where it does. Servers mark a place
// soon behind it.
func (r *reader) markAt(info stream.Info) (mark *entry.Mark, state fold.State, err error) {
	err = r.cfg.Log.Read(r.ctx, info.First-1, func(e fold.Entry) error {
		if mark, state = r.markOf(e); mark != nil && state.Needed() == info.First {
			return errFound
		}
		if e.Position >= info.Last {
			return &JoinError{First: info.First, Keeps: r.Len(), Cause: errUnmarked}
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return mark, state, err
}

// markOf returns what an entry marks, if it does.
func (r *reader) markOf(e fold.Entry) (*entry.Mark, fold.State) {
	h, body, err := r.key.Open(e.Data)
	if err != nil || h.Mark == nil {
		return nil, fold.State{}
	}
	var state fold.State
	if json.Unmarshal(body, &state) != nil || state.Position != h.Mark.Position || state.Chain != h.Mark.Chain {
		return nil, fold.State{}
	}
	return h.Mark, state
}

// root returns that of the volume's first messages.
func (r *reader) root(messages uint64) (tlog.Hash, error) {
	m, err := manifest.View(disk.New(r.cfg.Local.Dir))
	if err != nil {
		return tlog.Hash{}, err
	}
	defer func() { _ = m.Close() }()
	return merkle.RootOf(m, messages)
}
