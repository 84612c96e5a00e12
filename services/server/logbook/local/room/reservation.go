package room

// Reservation is the room of one message, or of one scratch. It is for one
// goroutine at a time.
type Reservation struct {
	space    *Space
	sender   string
	most     uint64 // bytes that it may come to
	promised uint64 // and not written
	written  uint64
}

// Found begins the reservation of a part that is there.
func (s *Space) Found(sender string, written uint64) *Reservation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += written
	s.of.Add(sender, written)
	return &Reservation{space: s, sender: sender, most: written, written: written}
}

// OpenLoose begins a reservation that is promised nothing yet, and need never come to
// the most that it may.
func (s *Space) OpenLoose(sender string, most uint64) *Reservation {
	return &Reservation{space: s, sender: sender, most: most}
}

// Want has n bytes promised that are about to be written: those, and up to a step
// more. The error is a logbook.ErrNoSpace.
func (r *Reservation) Want(n uint64) error {
	if n <= r.promised {
		return nil
	}
	lacks := n - r.promised
	step := max(lacks, min(Step, r.most-min(r.most, r.promised+r.written)))
	return r.space.grant(r, step, step)
}

// Grow has the reservation of a part come to what the whole message may. The error
// is a logbook.ErrNoSpace.
func (r *Reservation) Grow(most uint64) error {
	r.most = Blocks(most)
	left := rest(r.most, r.written)
	return r.space.grant(r, left, min(left, Step))
}

// Shrink gives room back of a message of which so many bytes stay.
func (r *Reservation) Shrink(to uint64) {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.keep(min(to, r.promised+r.written))
	r.space.free.Forget() // there is more
}

// keep gives back all but so many bytes, which are written. The space's mu is held.
func (r *Reservation) keep(bytes uint64) {
	gone := r.promised + r.written - bytes
	r.space.promised -= r.promised
	r.space.held -= gone
	r.space.of.Add(r.sender, -gone)
	r.promised, r.written = 0, bytes
}

// Shelve counts the room as that of a part.
func (r *Reservation) Shelve() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.space.shelved += r.written
	r.space.partsOf.Add(r.sender, r.written)
}

// Unshelve ends what Shelve began.
func (r *Reservation) Unshelve() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.space.shelved -= r.written
	r.space.partsOf.Add(r.sender, -r.written)
}

// Wrote notes n promised bytes as written. It is called after the write, so bytes
// may be counted twice for a moment, but are never left out.
func (r *Reservation) Wrote(n uint64) {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	n = min(n, r.promised)
	r.promised -= n
	r.written += n
	r.space.promised -= n
	r.space.since += n
}

// Complete notes all that was promised as written: the last block is whole.
func (r *Reservation) Complete() { r.Wrote(r.promised) }

// Written is how many of its bytes are written.
func (r *Reservation) Written() uint64 { return r.written }

// End gives all room back. The bytes are kept by then, or removed.
func (r *Reservation) End() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.keep(0)
}

// LeastRate returns at how many bytes a second at least the message must come. It
// is 0 while its sender holds no more than is left, or nobody else wants more.
func (r *Reservation) LeastRate() uint64 {
	if r.most <= Step {
		return 0
	}
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	left, err := r.space.left(0)
	if err != nil || r.space.of[r.sender] <= left || !r.space.wanted(r.sender) {
		return 0
	}
	return (r.promised + r.written) / uint64(holdFor.Seconds())
}

// Account is what all reservations come to, in bytes.
type Account struct {
	Held     uint64 // promised or written
	Promised uint64 // of Held, and not written
	Shelved  uint64 // of Held, by parts that nobody brings now
	Senders  int    // who have any, once more for those with parts
}

// Account returns what is held now.
func (s *Space) Account() Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Account{s.held, s.promised, s.shelved, len(s.of) + len(s.partsOf)}
}
