package local

import (
	"context"
	"fmt"
	"os"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local/room"
)

// scratch is an open file without a name, so that it is gone with the process.
type scratch struct {
	l     *Logbook
	owner string
	file  *os.File
	name  string
	off   uint64
	limit uint64
	room  *room.Reservation
	once  sync.Once
}

// Scratch opens scratch room of at most limit bytes.
func (l *Logbook) Scratch(_ context.Context, sender string, limit uint64) (logbook.Scratch, error) {
	if err := l.Accepting(); err != nil {
		return nil, err
	}
	if err := l.files.Take(sender); err != nil {
		return nil, err
	}
	name := stagedName()
	f, err := l.vol.Create(name, 0o600)
	if err != nil {
		l.files.Give(sender)
		return nil, l.Failed(err)
	}
	_ = l.vol.Remove(name)
	return &scratch{l: l, owner: sender, file: f, name: name, limit: limit, room: l.space.OpenLoose(sender, limit)}, nil
}

func (s *scratch) Write(p []byte) (int, error) {
	end := s.off + uint64(len(p))
	if end > s.limit {
		return 0, fmt.Errorf("%w: more than %d bytes of scratch", logbook.ErrNoSpace, s.limit)
	}
	if err := s.room.Want(uint64(len(p))); err != nil {
		return 0, err
	}
	n, err := s.l.vol.WriteAt(s.file, s.name, p, int64(s.off))
	s.room.Wrote(uint64(n))
	s.off += uint64(n)
	if err != nil {
		return n, s.l.Failed(err)
	}
	return n, nil
}

// LeastRate grows with what is held, once that is scarce.
func (s *scratch) LeastRate() uint64 { return s.room.LeastRate() }

func (s *scratch) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

func (s *scratch) Close() (err error) {
	s.once.Do(func() {
		err = s.file.Close()
		s.l.files.Give(s.owner)
		s.room.End()
	})
	return err
}
