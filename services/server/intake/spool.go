package intake

import (
	"bytes"
	"context"
	"io"

	"sealpost/services/server/logbook"
	"sealpost/shared/message"
)

// spoolMemory is how many bytes are kept in memory before scratch room, which is a
// file, is asked for: most messages of the 2012 wire are smaller.
const spoolMemory = 32 << 10

// spool holds the text of a 2012 message until its size is known.
type spool struct {
	ctx     context.Context
	book    logbook.Logbook
	limit   uint64
	memory  []byte
	scratch logbook.Scratch
}

func newSpool(ctx context.Context, book logbook.Logbook, limit uint64) (*spool, error) {
	if err := book.Ready(); err != nil {
		return nil, logbook.ErrUnavailable
	}
	return &spool{ctx: ctx, book: book, limit: limit}, nil
}

func (s *spool) Write(p []byte) (int, error) {
	if s.scratch == nil && len(s.memory)+len(p) <= spoolMemory {
		s.memory = append(s.memory, p...)
		return len(p), nil
	}
	if err := s.spill(); err != nil {
		return 0, err
	}
	return s.scratch.Write(p)
}

func (s *spool) spill() error {
	if s.scratch != nil {
		return nil
	}
	scratch, err := s.book.Scratch(s.ctx, message.NoSender, s.limit)
	if err != nil {
		return err
	}
	s.scratch = scratch
	_, err = scratch.Write(s.memory)
	s.memory = nil
	return err
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.scratch != nil {
		return s.scratch.ReadAt(p, off)
	}
	return bytes.NewReader(s.memory).ReadAt(p, off)
}

// leastRate is that of the scratch room, 0 without any.
func (s *spool) leastRate() uint64 {
	if s.scratch == nil {
		return 0
	}
	return s.scratch.LeastRate()
}

func (s *spool) Close() error {
	s.memory = nil
	if s.scratch == nil {
		return nil
	}
	return s.scratch.Close()
}

var _ io.ReaderAt = (*spool)(nil)
