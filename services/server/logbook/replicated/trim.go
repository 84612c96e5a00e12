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
	slow := p.saved.Hinders()
	still := p.slow.still(slow, p.saved.Servers[slow].Durable)
	before := p.saved.Time.Add(-p.cfg.KeepFor)
	if p.room.percent() >= trimAt {
		before = p.saved.Time
	}
	if below := p.saved.Unneeded(before); below > info.First {
		p.purge(below)
		return
	}
	if slow != "" && slow != p.cfg.Server && still && p.room.percent() >= forgetAt {
		p.forget(slow)
	}
}

// stillFor is for how many looks a server that hinders must have kept nothing more: one that
// reads says so between two. It may have come back a moment ago, and be there as soon.
const stillFor = 3

// slow is the server that hinders, as it was at each of the last looks.
type slow struct {
	server  string
	durable uint64
	looks   int
}

// still adds a look, and reports whether the server keeps nothing more than long before.
func (s *slow) still(server string, durable uint64) bool {
	if server != s.server || durable != s.durable {
		*s = slow{server: server, durable: durable}
	}
	s.looks++
	return s.looks > stillFor
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
