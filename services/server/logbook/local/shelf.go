package local

import (
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/room"
	"sealpost/services/server/logbook/parts"
)

// part is what has come of a message that nobody brings now.
type part struct {
	parts.State
	name  string // of its staged file, below the volume
	room  *room.Reservation
	timer *time.Timer // drops it when its time is over
}

// shelf has the parts, and knows who brings the messages that may become some.
type shelf struct {
	vol     *disk.Volume
	keepFor time.Duration
	held    func(bytes uint64) // hears what all parts hold
	now     func() time.Time

	mu    sync.Mutex
	parts map[logbook.Draft]*part
	under map[logbook.Draft]*staged
	bytes uint64 // that the parts hold
	ended bool   // parts are the next start's
}

func newShelf(vol *disk.Volume, cfg Config) *shelf {
	return &shelf{
		vol: vol, keepFor: cfg.KeepParts, held: cfg.PartsHeld, now: cfg.now,
		parts: make(map[logbook.Draft]*part), under: make(map[logbook.Draft]*staged),
	}
}

// take has s bring the message from now on. Another that did is suspended. The
// part is nil where nothing was left of it.
func (h *shelf) take(d logbook.Draft, s *staged) *part {
	for {
		p, before := h.tryTake(d, s)
		if before == nil {
			return p
		}
		before.Suspend()
	}
}

func (h *shelf) tryTake(d logbook.Draft, s *staged) (p *part, before *staged) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before = h.under[d]; before != nil {
		return nil, before
	}
	h.under[d] = s
	if p = h.parts[d]; p != nil {
		h.remove(p)
	}
	return p, nil
}

// leave notes that s brings its message no more.
func (h *shelf) leave(s *staged) {
	if !s.resumable() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.under[s.draft] == s {
		delete(h.under, s.draft)
	}
}

// put keeps a part until its time is over, and notes that s brings it no more; s
// may be nil. Nobody has another part of the message: s would have taken it.
func (h *shelf) put(p *part, s *staged) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s != nil && h.under[p.Draft] == s {
		delete(h.under, p.Draft)
	}
	h.parts[p.Draft] = p
	h.bytes += p.room.Written()
	p.room.Shelve()
	p.timer = time.AfterFunc(h.keepFor-min(h.keepFor, h.now().Sub(p.Saved).Abs()), func() { h.drop(p) })
	if h.ended {
		p.timer.Stop()
	}
	h.held(h.bytes)
}

// remove is called with mu held.
func (h *shelf) remove(p *part) {
	delete(h.parts, p.Draft)
	h.bytes -= p.room.Written()
	p.room.Unshelve()
	p.timer.Stop()
	h.held(h.bytes)
}

// drop gives a part up, unless somebody has taken it.
func (h *shelf) drop(p *part) {
	h.mu.Lock()
	mine := h.parts[p.Draft] == p && !h.ended
	if mine {
		h.remove(p)
	}
	h.mu.Unlock()
	if mine {
		h.discard(p)
	}
}

// discard removes the files of a part that is on no shelf.
func (h *shelf) discard(p *part) {
	_ = h.vol.Remove(parts.NameOf(p.name))
	_ = h.vol.Remove(p.name)
	p.room.End()
}

// evict gives one part up for the sake of a message that wants its room: the
// oldest of the sender whose parts hold most. It is false where there is none.
func (h *shelf) evict() bool {
	h.mu.Lock()
	of := make(map[string]uint64)
	for _, p := range h.parts {
		of[p.Draft.Sender] += p.room.Written()
	}
	var next *part
	for _, p := range h.parts {
		if next == nil || of[p.Draft.Sender] > of[next.Draft.Sender] ||
			p.Draft.Sender == next.Draft.Sender && p.Saved.Before(next.Saved) {
			next = p
		}
	}
	if next != nil {
		h.remove(next)
	}
	h.mu.Unlock()
	if next != nil {
		h.discard(next)
	}
	return next != nil
}

// close leaves the parts to the next start.
func (h *shelf) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for _, p := range h.parts {
		p.timer.Stop()
	}
}
