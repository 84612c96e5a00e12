package replicated

import (
	"encoding/json"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// tell has a note said. In a log that is nearly full one is said only where others may trim
// by it: the rest is needed for that.
func (p *passing) tell() {
	if kept := p.saved.Needed() - 1; p.room.percent() < refuseAt || p.saved.Frees(p.noted, kept) {
		p.note(p.saved)
		p.noted = kept
	}
}

// note says in the log up to where this server keeps everything, and needs nothing of the
// log any more, and what it has read. One that gets lost is followed by the next.
func (l *Logbook) note(at fold.State) {
	l.publish(entry.Header{Kind: entry.KindNote, Note: &entry.Note{Durable: at.Needed() - 1}}, nil)
}

// mark says what the log came to at a place: the volume keeps all before it.
func (l *Logbook) mark(at fold.State) {
	tree, err := l.cfg.Local.Notary.OpenCheckpoint(l.Checkpoint())
	if err != nil {
		l.cfg.Local.Log.Warn().Err(err).Msg("a place in the replicated log is not marked")
		return
	}
	state, err := json.Marshal(at)
	if err != nil || len(state) > entry.ChunkSize {
		l.cfg.Local.Log.Warn().Err(err).Int("bytes", len(state)).Msg("a place in the replicated log is not marked")
		return
	}
	l.publish(entry.Header{Kind: entry.KindMark, Mark: &entry.Mark{
		Position: at.Position, Chain: at.Chain, Number: tree.Size, Root: logfile.Digest(tree.Root),
		Retired: l.Retirer.Serial(),
	}}, state)
}

// publish adds an entry that nobody waits for. Where it does not say what its decision rests
// on, that is all that was read.
func (l *Logbook) publish(h entry.Header, body []byte) {
	h.Server, h.Attempt = l.cfg.Server, message.NewID()
	if h.Seen == (entry.Seen{}) {
		h.Seen = l.waiters.position()
	}
	data, err := l.key.Seal(h, body)
	if err != nil {
		l.cfg.Local.Log.Warn().Err(err).Str("kind", string(h.Kind)).Msg("an entry is not published")
		return
	}
	l.cfg.Log.Publish(data, func(uint64, error) {})
}
