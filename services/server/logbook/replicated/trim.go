package replicated

import "sealpost/services/server/logbook/replicated/entry"

// trim removes from the log what no server needs. A server in doubt removes nothing.
//
// Where the log fills although, one server keeps less than all others: it is forgotten, so
// that these go on.
func (p *passing) trim() {
	info, err := p.cfg.Log.Info(p.ctx)
	if err != nil || p.health.get() != nil || damaged(info, p.saved.Position) {
		return
	}
	p.room.asked(info)
	before := p.saved.Time.Add(-p.cfg.KeepFor)
	if p.room.percent() >= trimAt {
		before = p.saved.Time
	}
	if below := p.saved.Unneeded(before); below > info.First {
		p.purge(below)
		return
	}
	if slow := p.saved.Hinders(); slow != "" && slow != p.cfg.Server && p.room.percent() >= forgetAt {
		p.forget(slow)
	}
}

func (p *passing) purge(below uint64) {
	if err := p.cfg.Log.Purge(p.ctx, below); err != nil {
		p.cfg.Local.Log.Warn().Err(err).Msg("the replicated log is not trimmed")
		return
	}
	p.cfg.Local.Log.Info().Uint64("first", below).Msg("the replicated log begins later now: all servers keep the rest")
}

// forget counts a server no more. It can come back with the volume of another one.
func (p *passing) forget(server string) {
	p.cfg.Local.Log.Error().Str("server", server).
		Msg("a server is forgotten: the replicated log is nearly full of what it has not read")
	p.publish(entry.Header{
		Kind: entry.KindServers, Servers: &entry.Servers{Forget: []string{server}},
		Seen: entry.Seen{Position: p.saved.Position, Chain: p.saved.Chain},
	}, nil)
}
