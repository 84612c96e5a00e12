package local

import (
	"context"
	"fmt"
	"os"
	"sync"

	"sealpost/services/server/logbook"
)

// ScratchStep is reserved at a time: most spooled messages are far smaller than
// the largest allowed, and must not keep others out.
const ScratchStep = 4 << 20

// scratchOwner stands for all scratch room in the accounts: no sender can have
// that name.
const scratchOwner = "(scratch)"

// scratch is an open file without a name, so that it is gone with the process.
type scratch struct {
	l        *Logbook
	file     *os.File
	name     string
	off      uint64
	limit    uint64
	reserved uint64
	once     sync.Once
}

// Scratch opens scratch room of at most limit bytes.
func (l *Logbook) Scratch(_ context.Context, limit uint64) (logbook.Scratch, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	name := stagedName()
	f, err := l.vol.create(name, 0o600)
	if err != nil {
		return nil, l.failed(err)
	}
	_ = l.vol.remove(name)
	return &scratch{l: l, file: f, name: name, limit: limit}, nil
}

func (s *scratch) Write(p []byte) (int, error) {
	end := s.off + uint64(len(p))
	if end > s.limit {
		return 0, fmt.Errorf("%w: more than %d bytes of scratch", logbook.ErrNoSpace, s.limit)
	}
	if end > s.reserved {
		step := max(end-s.reserved, ScratchStep)
		if err := s.l.space.reserve(scratchOwner, step); err != nil {
			return 0, err
		}
		s.reserved += step
	}
	n, err := s.l.vol.writeAt(s.file, s.name, p, int64(s.off))
	s.off += uint64(n)
	if err != nil {
		return n, s.l.failed(err)
	}
	return n, nil
}

func (s *scratch) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

func (s *scratch) Close() (err error) {
	s.once.Do(func() {
		err = s.file.Close()
		s.l.space.release(scratchOwner, s.reserved)
	})
	return err
}
