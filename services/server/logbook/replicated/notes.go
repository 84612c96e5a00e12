package replicated

import (
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/message"
)

// note says in the log up to where this server keeps everything, and needs nothing of the
// log any more, and what it has read. One that gets lost is followed by the next.
func (l *Logbook) note(at fold.State) {
	h := entry.Header{
		Kind: entry.KindNote, Server: l.cfg.Server, Seen: l.waiters.position(), Attempt: message.NewID(),
		Note: &entry.Note{Durable: at.Needed() - 1},
	}
	data, err := l.key.Seal(h, nil)
	if err != nil {
		l.cfg.Local.Log.Warn().Err(err).Msg("no note in the replicated log")
		return
	}
	l.cfg.Log.Publish(data, func(uint64, error) {})
}
