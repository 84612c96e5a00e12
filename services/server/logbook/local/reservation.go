package local

// reservation is the room of one message, or of one scratch. It is for one
// goroutine at a time.
type reservation struct {
	space    *space
	sender   string
	most     uint64 // bytes that it may come to
	promised uint64 // and not written
	written  uint64
}

// found begins the reservation of a part that is there.
func (s *space) found(sender string, written uint64) *reservation {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &reservation{space: s, sender: sender, most: written}
	s.promise(r, written)
	r.promised, r.written = 0, written
	s.promised -= written
	return r
}

// openLoose begins a reservation that is promised nothing yet, and need never come to
// the most that it may.
func (s *space) openLoose(sender string, most uint64) *reservation {
	return &reservation{space: s, sender: sender, most: most}
}

// want has n bytes promised that are about to be written: those, and up to a step
// more. The error is a logbook.ErrNoSpace.
func (r *reservation) want(n uint64) error {
	if n <= r.promised {
		return nil
	}
	lacks := n - r.promised
	step := max(lacks, min(RoomStep, r.most-min(r.most, r.promised+r.written)))
	return r.space.grant(r, step, step)
}

// grow has the reservation of a part come to what the whole message may.
func (r *reservation) grow(most uint64) error {
	r.most = blocks(most)
	left := rest(r.most, r.written)
	return r.space.grant(r, left, min(left, RoomStep))
}

// shrink gives room back of a message of which so many bytes stay.
func (r *reservation) shrink(to uint64) {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	own := r.promised + r.written
	to = min(to, own)
	r.space.promised -= r.promised
	r.space.held -= own - to
	r.space.of.Add(r.sender, -(own - to))
	r.promised, r.written = 0, to
	r.space.free.Forget() // there is more
}

// shelve counts the room as that of a part; unshelve ends it.
func (r *reservation) shelve() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.space.shelved += r.written
	r.space.partsOf.Add(r.sender, r.written)
}

func (r *reservation) unshelve() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	r.space.shelved -= r.written
	r.space.partsOf.Add(r.sender, -r.written)
}

// wrote notes n promised bytes as written. It is called after the write, so bytes
// may be counted twice for a moment, but are never left out.
func (r *reservation) wrote(n uint64) {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	n = min(n, r.promised)
	r.promised -= n
	r.written += n
	r.space.promised -= n
	r.space.since += n
}

// complete notes all that was promised as written: the last block is whole.
func (r *reservation) complete() { r.wrote(r.promised) }

// end gives all room back. The bytes are kept by then, or removed.
func (r *reservation) end() {
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	own := r.promised + r.written
	r.space.promised -= r.promised
	r.space.held -= own
	r.space.of.Add(r.sender, -own)
	r.promised, r.written = 0, 0
}

// leastRate returns at how many bytes a second at least the message must come. It
// is 0 while its sender holds no more than is left, or nobody else wants more.
func (r *reservation) leastRate() uint64 {
	if r.most <= RoomStep {
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
