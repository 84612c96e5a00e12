package local

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
)

const (
	// RoomStep is how many bytes are promised at a time: a message that comes slowly,
	// or never, takes at most so much more from others than it has written.
	RoomStep = 1 << 20

	// share is how many times what is left one sender may hold, multiplied with
	// the part of all room that this is. One alone so gets three quarters; two who
	// take all that they get leave a ninth to the next, three a sixteenth, and N of
	// them about one part in 12N, however large N is.
	share = 12

	// blockSize is what even the smallest file takes of the volume.
	blockSize = 4 << 10

	// holdFor is the time within which a message must come whose sender holds
	// more than is left for all others, once another was refused room; and for
	// how long such a refusal counts.
	holdFor = 15 * time.Minute
)

// space shares out the room for messages on their way in. A reservation is promised
// its room in steps, before the bytes. Only what is still to be written counts
// against the free space: what is written has lowered that already.
type space struct {
	limit uint64 // of what one sender holds

	mu       sync.Mutex
	free     disk.Gauge
	since    uint64                  // written since free was read
	promised uint64                  // to all reservations, and not written
	held     uint64                  // by all reservations: promised or written
	of       engine.BySender[uint64] // of held
	refused  [2]refusal              // the newest, and the newest of another sender
}

func newSpace(dir string, limit uint64) *space {
	return &space{
		limit: limit, of: make(engine.BySender[uint64]),
		free: disk.Gauge{Read: func() (uint64, error) { return disk.FreeBytes(dir) }},
	}
}

// refusal is one of room.
type refusal struct {
	sender string
	at     time.Time
}

// reservation is the room of one message, or of one scratch. It is for one
// goroutine at a time.
type reservation struct {
	space    *space
	sender   string
	most     uint64 // bytes that it may come to
	promised uint64 // and not written
	written  uint64
}

// open begins a reservation and promises its first step, or returns
// logbook.ErrNoSpace where there is not as much as it may come to.
func (s *space) open(sender string, most uint64) (*reservation, error) {
	most = blocks(most)
	r := s.openLoose(sender, most)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(sender, most); err != nil {
		return nil, err
	}
	s.promise(r, min(most, RoomStep))
	return r, nil
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
	r.space.mu.Lock()
	defer r.space.mu.Unlock()
	if err := r.space.fits(r.sender, step); err != nil {
		return err
	}
	r.space.promise(r, step)
	return nil
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
	left, err := r.space.left()
	if err != nil || r.space.of[r.sender] <= left || !r.space.wanted(r.sender) {
		return 0
	}
	return (r.promised + r.written) / uint64(holdFor.Seconds())
}

// fits says whether a sender can be promised n more bytes. A refusal is by what
// is free now.
func (s *space) fits(sender string, n uint64) error {
	err := s.judge(sender, n)
	if err != nil {
		s.free.Forget()
		err = s.judge(sender, n)
	}
	if errors.Is(err, logbook.ErrNoSpace) {
		s.noteRefused(sender, time.Now())
	}
	return err
}

func (s *space) noteRefused(sender string, now time.Time) {
	if s.refused[0].sender != sender {
		s.refused[1] = s.refused[0]
	}
	s.refused[0] = refusal{sender, now}
}

// wanted reports whether another than sender was refused room lately.
func (s *space) wanted(sender string) bool {
	for _, r := range s.refused {
		if r.sender != sender && time.Since(r.at) < holdFor {
			return true
		}
	}
	return false
}

func (s *space) judge(sender string, n uint64) error {
	left, err := s.left()
	own := s.of[sender]
	switch {
	case err != nil:
		return err
	case n > left:
		return fmt.Errorf("%w: %d bytes are left for messages on their way in, %d more are wanted",
			logbook.ErrNoSpace, left, n)
	case float64(own+n) > s.mayHold(left-n, n):
		return fmt.Errorf("%w: sender %s would hold %d bytes and leave %d to all others",
			logbook.ErrNoSpace, sender, own+n, left-n)
	}
	return nil
}

// mayHold is how much one sender may hold once n bytes more are promised, and so
// many left.
func (s *space) mayHold(left, n uint64) float64 {
	all := float64(left) + float64(s.held+n)
	return share * float64(left) * (float64(left) / all)
}

// left is what can be promised still: by what the volume has free, and by the
// limit. One sender may reach that; for the others there is a third more.
func (s *space) left() (uint64, error) {
	free, fresh, err := s.free.Value()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	if fresh {
		s.since = 0 // the reading has it
	}
	all := s.limit + min(s.limit/3+blockSize, math.MaxUint64-s.limit)
	return min(rest(free, s.since+s.promised+engine.Headroom), rest(all, s.held)), nil
}

func (s *space) promise(r *reservation, n uint64) {
	r.promised += n
	s.promised += n
	s.held += n
	s.of.Add(r.sender, n)
}

// rest is a-b, or 0.
func rest(a, b uint64) uint64 { return a - min(a, b) }

// blocks is what a file of n bytes takes.
func blocks(n uint64) uint64 { return (n + blockSize - 1) / blockSize * blockSize }
