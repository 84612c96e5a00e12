package stream

import "time"

// Turns bounds how often leaders are made to step down for one reason. The zero value is
// ready to use, by one goroutine at a time.
type Turns struct {
	taken int // by leaders that had to step down
	last  time.Time
}

// turnsAgain is after how long all nodes may lead in turn again: one may have been emptied
// meanwhile, and have got everything from the others.
const turnsAgain = time.Minute

// Take reports whether one more leader may be made to step down: as many as there are other
// nodes, or who looks on and on keeps the stream without a leader.
func (t *Turns) Take(now time.Time, others int) bool {
	if now.Sub(t.last) > turnsAgain {
		t.Reset()
	}
	if t.taken >= others {
		return false
	}
	t.taken++
	t.last = now
	return true
}

// Reset is for a reason that is gone: for the next one all nodes may lead in turn.
func (t *Turns) Reset() { t.taken = 0 }
