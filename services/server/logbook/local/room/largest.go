package room

import (
	"fmt"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// keptInodes are as many files as one message can lead to: its own, those with its
// parts and its text of the 2012 wire, a directory for it, and what the logbook writes
// anew beside the old: records, checkpoint, index, tree, retired, probe.
const keptInodes = 16

// LargestError means that a message of the largest size would find no room on the
// volume. Its text stays the same while that is so.
type LargestError struct{ reason string }

func (e *LargestError) Error() string {
	return "no space on the log volume for a message of the largest size: " + e.reason
}

// Unwrap says that it is one of room.
func (e *LargestError) Unwrap() error { return logbook.ErrNoSpace }

// Largest is nil while a message whose files take so many bytes would find room on the
// volume, from a sender who holds none, else a *LargestError, or why that cannot be
// told. Parts go before anyone is refused, so they do not count; nor does the limit
// of what all may hold, which says nothing of the volume.
func (s *Space) Largest(bytes uint64) error {
	n := Blocks(bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free.Forget()
	left, err := s.leftOnVolume(s.shelved)
	if err != nil {
		return err
	}
	if n > left || float64(n) > mayHold(left-n, s.held-s.shelved+n) {
		return &LargestError{fmt.Sprintf("its %d bytes are more than one sender may take of what is left", n)}
	}
	inodes, err := s.inodes()
	if err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	if inodes < keptInodes {
		return &LargestError{fmt.Sprintf("fewer than %d inodes are left", keptInodes)}
	}
	return nil
}

// Reserve is what must be free on a volume where nothing is on its way in, for
// Largest to be nil: one sender alone may take three quarters of what is left.
func Reserve(largest uint64) (bytes, inodes uint64) {
	n := Blocks(largest)
	return engine.Headroom + n + (n+2)/3, keptInodes
}
