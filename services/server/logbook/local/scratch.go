package local

import (
	"context"
	"fmt"
	"os"
	"sync"

	"sealpost/services/server/logbook"
)

// scratch is an open file without a name, so that it is gone with the process.
type scratch struct {
	l     *Logbook
	file  *os.File
	off   int64
	limit uint64
	once  sync.Once
}

// Scratch reserves up to limit bytes of scratch room.
func (l *Logbook) Scratch(_ context.Context, limit uint64) (logbook.Scratch, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	if err := l.space.reserve(limit); err != nil {
		return nil, err
	}
	name := stagedName()
	f, err := l.vol.create(name, 0o600)
	if err != nil {
		l.space.release(limit)
		return nil, l.failed(err)
	}
	l.vol.remove(name)
	return &scratch{l: l, file: f, limit: limit}, nil
}

func (s *scratch) Write(p []byte) (int, error) {
	if uint64(len(p)) > s.limit-uint64(s.off) {
		return 0, fmt.Errorf("%w: more than %d bytes of scratch", logbook.ErrNoSpace, s.limit)
	}
	n, err := s.l.vol.writeAt(s.file, p, s.off)
	s.off += int64(n)
	if err != nil {
		return n, s.l.failed(err)
	}
	return n, nil
}

func (s *scratch) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

func (s *scratch) Close() (err error) {
	s.once.Do(func() {
		err = s.file.Close()
		s.l.space.release(s.limit)
	})
	return err
}
