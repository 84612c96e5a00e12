package local

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
)

// headroom is left free on the volume for records, manifest and directories,
// which must not fail for want of room once a message is durable.
const headroom = 16 << 20

// space promises room to messages before their first byte. A promise counts
// against the free space until its message is kept or dropped, so bytes already
// written count twice: the error is on the side of refusing.
type space struct {
	dir   string
	limit uint64

	mu       sync.Mutex
	free     gauge
	promised uint64
	of       map[string]uint64 // by sender; what is zero is not there
}

func newSpace(dir string, limit uint64) *space {
	return &space{
		dir: dir, limit: limit, of: make(map[string]uint64),
		free: gauge{read: func() (uint64, error) { return freeBytes(dir) }},
	}
}

// reserve promises a sender n bytes, or returns logbook.ErrNoSpace. One that has
// a promise already gets no more than half of all room: offers that it does not
// fill must not keep the others out.
func (s *space) reserve(sender string, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err := s.free.value()
	if err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	want := s.promised + n
	if want < n || want > s.limit {
		return fmt.Errorf("%w: %d bytes are on their way in, the limit is %d", logbook.ErrNoSpace, s.promised, s.limit)
	}
	if want > free || free-want < headroom {
		return fmt.Errorf("%w: the volume has %d bytes left", logbook.ErrNoSpace, free)
	}
	if own := s.of[sender]; own > 0 && own+n > min(s.limit, free)/2 {
		return fmt.Errorf("%w: %d bytes of sender %s are on their way in, more than half of all room", logbook.ErrNoSpace, own+n, sender)
	}
	s.promised = want
	s.of[sender] += n
	return nil
}

func (s *space) release(sender string, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised -= n
	if s.of[sender] -= n; s.of[sender] == 0 {
		delete(s.of, sender)
	}
}

func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Bavail * uint64(st.Bsize), nil
}
