package replicated

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/stream"
	"sealpost/shared/message"
)

// DamageError means that a node leads the log that does not have all of it. It is to be
// emptied, and to come back: then it gets everything from the others.
type DamageError struct {
	Node string // that leads
	Log  stream.Info
	Read uint64 // position up to which this server had read at the look before
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("node %s of the replicated log has %d entries from %d to %d, this server has read up to %d: "+
		"entries are missing there", message.Visible(e.Node), e.Log.Entries, e.Log.First, e.Log.Last, e.Read)
}

// damaged holds what a node says of the log against what this server has read of it.
func damaged(i stream.Info, read uint64) bool {
	return i.Last < read || i.Entries != i.Last+1-i.First
}

// auditor looks at the log as a whole, also where nothing is read: a node that has lost
// entries gives their positions to others. It is one goroutine.
type auditor struct {
	*Logbook
	turns   stream.Turns // of nodes that are damaged
	read    uint64       // position up to which this server had read at the last look
	checked string       // the nodes that were there when the log was last found fit
	when    time.Time
}

func (a *auditor) run() {
	tick := time.NewTicker(a.cfg.AuditEvery)
	defer tick.Stop()
	for {
		a.look()
		select {
		case <-tick.C:
		case <-a.ctx.Done():
			return
		}
	}
}

// look turns readiness red while a node leads that is damaged, and has it step down.
// What cannot be asked is no evidence: then nothing is read either. Nor is what this server
// has read since the last look: other nodes may have an entry a moment before who leads.
func (a *auditor) look() {
	read := a.read
	a.read = a.waiters.position().Position
	info, err := a.cfg.Log.Info(a.ctx)
	a.progress.asked(info, err)
	if err != nil {
		return
	}
	a.room.asked(info)
	a.check(info)
	if !damaged(info, read) {
		a.health.audited(nil)
		a.turns.Reset()
		return
	}
	damage := &DamageError{Node: info.Leader, Log: info, Read: read}
	a.health.audited(damage)
	if !a.turns.Take(time.Now(), len(info.Peers)) {
		return
	}
	a.cfg.Local.Log.Error().Err(damage).Msg("another node of the replicated log is to lead")
	if err := a.cfg.Log.StepDown(a.ctx, info.Leader); err != nil {
		a.cfg.Local.Log.Warn().Err(err).Msg("the node goes on leading")
	}
}

// check looks at the settings of the log and its nodes, also whenever a node comes back.
// Without an answer what was known last goes on to hold.
func (a *auditor) check(info stream.Info) {
	nodes := nodesOf(info)
	if nodes == a.checked && time.Since(a.when) < a.cfg.CheckEvery {
		return
	}
	err := a.cfg.Log.Check(a.ctx)
	switch {
	case err == nil:
		a.checked, a.when = nodes, time.Now()
	case !errors.As(err, new(*stream.SettingsError)) && !errors.As(err, new(*stream.NodeError)):
		const what = "the nodes of the replicated log cannot be asked how they keep it"
		a.say(zerolog.WarnLevel, what).Err(err).Msg(what)
		return
	}
	a.health.checked(err)
	a.missing(info)
}

// missing tells of nodes that are not there. The log is kept without them, and no longer
// without one more.
func (a *auditor) missing(info stream.Info) {
	for _, p := range info.Peers {
		if p.Offline {
			a.cfg.Local.Log.Error().Str("node", p.Name).Msg("a node of the replicated log is missing")
		}
	}
}

// nodesOf is another text whenever another node leads, is missing or comes back.
func nodesOf(i stream.Info) string {
	text := fmt.Sprintf("%q", i.Leader)
	for _, p := range i.Peers {
		text += fmt.Sprintf(" %q %v", p.Name, p.Offline)
	}
	return text
}
