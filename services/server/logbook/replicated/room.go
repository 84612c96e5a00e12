package replicated

import (
	"sync/atomic"

	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// How full the log may be, in percent of what it takes: from trimAt on nothing stays that
// all servers keep, at forgetAt a server that is in the way is forgotten, and from refuseAt
// on messages are refused. The rest is for what servers say of themselves.
const (
	trimAt   = 80
	forgetAt = 90
	refuseAt = 95
)

// room is how full the log is: what was said last, and what has been read since.
type room struct {
	said, since, most atomic.Uint64 // bytes
	last              atomic.Uint64 // position up to which said goes
}

// asked notes what the log says.
func (r *room) asked(i stream.Info) {
	r.last.Store(i.Last)
	r.since.Store(0)
	r.said.Store(i.Bytes)
	r.most.Store(uint64(max(i.MaxBytes, 0)))
}

// came counts an entry, if it was not there when the log was asked: one that is read again is
// not taken twice.
func (r *room) came(e fold.Entry) {
	if e.Position > r.last.Load() {
		r.since.Add(uint64(len(e.Data)))
	}
}

// taken is how many bytes of the log are taken.
func (r *room) taken() uint64 { return r.said.Load() + r.since.Load() }

// percent is how much of the log is taken; 0 where nothing bounds the log.
func (r *room) percent() uint64 {
	most := r.most.Load()
	if most == 0 {
		return 0
	}
	return 100 * r.taken() / most
}
