package replicated

import (
	"time"

	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// Figures are what a server says of the replicated log and of its own part in it, for
// operators. What the log says of itself is as old as the last look at it as a whole.
type Figures struct {
	Position uint64 // up to which this server has read the log, and its volume keeps what is in it
	Last     uint64 // of the newest entry that this server knows of
	// Behind is how long ago the oldest entry came into the log that this server has not
	// passed; 0: it has passed all. Known is false where nobody knows whether it has: the log
	// does not answer, and this server has passed all that it heard of.
	Behind time.Duration
	Known  bool

	Waiting  int // messages that this server has published and not answered
	Bytes    uint64
	MaxBytes uint64                 // that the log takes; 0: any, or it was not asked yet
	Nodes    int                    // that keep the log; 0: it was not asked yet
	Missing  int                    // nodes that are not there
	Servers  map[string]fold.Server // that count
	Audit    []Finding              // what is wrong, in the order of Findings; empty: nothing is
}

// Lag is how many entries this server has not passed yet.
func (f Figures) Lag() uint64 { return f.Last - f.Position }

// LogFigures returns what is so now.
func (l *Logbook) LogFigures() Figures {
	f := l.progress.figures(time.Now())
	f.Waiting = l.waiters.len()
	f.Bytes, f.MaxBytes = l.room.taken(), l.room.most.Load()
	found := l.health.found()
	for _, of := range Findings() {
		if found[of] || of == Unanswered && !l.progress.answers() {
			f.Audit = append(f.Audit, of)
		}
	}
	return f
}

// nodesIn counts the nodes of a log, and those of them that are missing.
func nodesIn(i stream.Info) (all, missing int) {
	if all = len(i.Peers); i.Leader != "" {
		all++
	}
	for _, p := range i.Peers {
		if p.Offline {
			missing++
		}
	}
	return all, missing
}
