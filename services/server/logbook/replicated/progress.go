package replicated

import (
	"maps"
	"sync"
	"time"

	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// progress is how far this server has read the log, and what the log said of itself.
type progress struct {
	mu       sync.Mutex
	began    time.Time
	position uint64    // of the newest entry that was passed, though the volume may not keep it yet
	passed   time.Time // when that came into the log; where there is none, when this server began
	next     uint64    // position of the entry that was tried last
	came     time.Time // when that came into the log
	newest   uint64    // position of the newest entry that was ever tried
	window   *window   // of what the volume was given
	servers  map[string]fold.Server
	said     stream.Info // of the log, by itself
	answered bool        // the last time that it was asked
}

// begins notes from where the log is read, maybe again.
func (p *progress) begins(at fold.State, of *window) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began.IsZero() {
		p.began = time.Now()
	}
	p.position, p.passed, p.window, p.servers = at.Position, at.Time, of, maps.Clone(at.Servers)
	if at.Position == 0 {
		p.passed = p.began
	}
}

// tries notes the entry that is to be passed.
func (p *progress) tries(e fold.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.came = e.Position, e.Time
	p.newest = max(p.newest, e.Position)
}

// passes notes an entry that was passed.
func (p *progress) passes(e fold.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position, p.passed = e.Position, e.Time
}

// counts notes the servers that count.
func (p *progress) counts(servers map[string]fold.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers = servers
}

// asked notes what the log says of itself. Where it does not answer, what it said before is
// what is known.
func (p *progress) asked(info stream.Info, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answered = err == nil; p.answered {
		p.said = info
	}
}

func (p *progress) answers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered
}

func (p *progress) figures(now time.Time) Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	position, oldest := p.kept()
	f := Figures{Position: position, Last: max(p.position, p.newest, p.said.Last), Servers: maps.Clone(p.servers)}
	f.Nodes, f.Missing = nodesIn(p.said)
	f.Known = p.answered || f.Lag() > 0
	if f.Lag() > 0 {
		f.Behind = max(now.Sub(oldest), 0)
	}
	return f
}

// kept is up to where this server has passed the log, and when the entry behind that came into
// it. For one that is not there yet the entry before stands in, which is little older: servers
// publish notes all the time. It is called with mu held.
func (p *progress) kept() (position uint64, next time.Time) {
	if first, came, is := p.window.oldest(); is {
		return first - 1, came
	}
	if p.next == p.position+1 {
		return p.position, p.came
	}
	return p.position, p.passed
}

// passed notes an entry that was passed.
func (p *passing) passed(step fold.Step) {
	p.furthest = max(p.furthest, step.Position)
	p.progress.passes(step.Entry)
	if step.Note != nil || step.Servers != nil {
		p.progress.counts(p.fold.State().Servers)
	}
}
