// Package room shares out what messages on their way in take of a log volume: its
// bytes, and the descriptors for their files.
//
// Guaranteed: what is promised is there, unless others write to the volume. However
// much one sender takes, or several together, others find some left.
//
// Not guaranteed: that a message for which there is room finds it to its end; it is
// promised in steps.
package room

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/durable"
)

const (
	// Step is how many bytes are promised at a time: a message that comes slowly,
	// or never, takes at most so much more from others than it has written.
	Step = 1 << 20

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

// Space shares out the room for messages on their way in. A reservation is promised
// its room in steps, before the bytes. Only what is still to be written counts
// against the free space: what is written has lowered that already.
type Space struct {
	// Both are set before a reservation is open, or while none changes.
	Limit uint64      // of what one sender holds
	Evict func() bool // gives up a part, before anyone is refused; false: there is none

	mu       sync.Mutex
	free     durable.Gauge
	inodes   func() (uint64, error)  // free
	since    uint64                  // written since free was read
	promised uint64                  // to all reservations, and not written
	held     uint64                  // by all reservations: promised or written
	of       engine.BySender[uint64] // of held
	shelved  uint64                  // of held, by parts that nobody brings now
	partsOf  engine.BySender[uint64] // of shelved
	refused  [2]refusal              // the newest, and the newest of another sender
}

// NewSpace shares out the volume dir. One sender may hold limit bytes, all together a
// third more.
func NewSpace(dir string, limit uint64) *Space {
	return &Space{
		Limit: limit, of: make(engine.BySender[uint64]), partsOf: make(engine.BySender[uint64]),
		Evict: func() bool { return false },
		free:  durable.Gauge{Read: func() (uint64, error) { return disk.FreeBytes(dir) }},
		inodes: func() (uint64, error) {
			free, err := disk.FreeOf(dir)
			return free.Inodes, err
		},
	}
}

// Open begins a reservation and promises its first step, or returns
// logbook.ErrNoSpace where there is not as much as it may come to.
func (s *Space) Open(sender string, most uint64) (*Reservation, error) {
	most = Blocks(most)
	r := s.OpenLoose(sender, most)
	if err := s.grant(r, most, min(most, Step)); err != nil {
		return nil, err
	}
	return r, nil
}

// grant promises n bytes where as many as are wanted fit. Parts go before anyone
// is refused, but not for what would not fit without them either.
func (s *Space) grant(r *Reservation, wanted, n uint64) error {
	for {
		hopeless, err := s.tryGrant(r, wanted, n)
		if !errors.Is(err, logbook.ErrNoSpace) {
			return err
		}
		if hopeless || !s.Evict() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.noteRefused(r.sender, time.Now())
			return err
		}
	}
}

func (s *Space) tryGrant(r *Reservation, wanted, n uint64) (hopeless bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(r.sender, wanted); err != nil {
		return s.judge(r.sender, wanted, true) != nil, err
	}
	s.promise(r, n)
	return false, nil
}

// fits says whether a sender can be promised n more bytes. A refusal is by what
// is free now.
func (s *Space) fits(sender string, n uint64) error {
	err := s.judge(sender, n, false)
	if err != nil {
		s.free.Forget()
		err = s.judge(sender, n, false)
	}
	return err
}

// judge says it by what is known, or as if all parts had gone.
func (s *Space) judge(sender string, n uint64, bare bool) error {
	gone, ownGone := uint64(0), uint64(0)
	if bare {
		gone, ownGone = s.shelved, s.partsOf[sender]
	}
	left, err := s.left(gone)
	own := s.of[sender] - ownGone
	switch {
	case err != nil:
		return err
	case n > left:
		return fmt.Errorf("%w: %d bytes are left for messages on their way in, %d more are wanted",
			logbook.ErrNoSpace, left, n)
	case float64(own+n) > mayHold(left-n, s.held-gone+n):
		return fmt.Errorf("%w: sender %s would hold %d bytes and leave %d to all others",
			logbook.ErrNoSpace, sender, own+n, left-n)
	}
	return nil
}

// mayHold is how much one sender may hold where so many bytes are left, and all
// hold so many.
func mayHold(left, held uint64) float64 {
	all := float64(left) + float64(held)
	return share * float64(left) * (float64(left) / all)
}

// left is what can be promised still: by what the volume has free, and by the
// limit, once so many held bytes are gone. One sender may reach that; for the
// others there is a third more.
func (s *Space) left(gone uint64) (uint64, error) {
	onVolume, err := s.leftOnVolume(gone)
	if err != nil {
		return 0, err
	}
	all := s.Limit + min(s.Limit/3+blockSize, math.MaxUint64-s.Limit)
	return min(onVolume, rest(all, s.held-gone)), nil
}

// leftOnVolume is that by what the volume has free.
func (s *Space) leftOnVolume(gone uint64) (uint64, error) {
	free, fresh, err := s.free.Value()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	if fresh {
		s.since = 0 // the reading has it
	}
	return rest(free+gone, s.since+s.promised+engine.Headroom), nil
}

func (s *Space) promise(r *Reservation, n uint64) {
	r.promised += n
	s.promised += n
	s.held += n
	s.of.Add(r.sender, n)
}

// rest is a-b, or 0.
func rest(a, b uint64) uint64 { return a - min(a, b) }

// Blocks is how many bytes a file of n bytes takes.
func Blocks(n uint64) uint64 { return (n + blockSize - 1) / blockSize * blockSize }
