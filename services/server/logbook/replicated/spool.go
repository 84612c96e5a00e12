package replicated

import (
	"bytes"
	"io"

	"sealpost/services/server/logbook"
)

// inMemory is up to how many bytes a message waits in memory for its end.
const inMemory = 32 << 10

// spool holds what has come of a message: in memory, or in scratch room of the volume.
type spool struct {
	open    func() (logbook.Scratch, error)
	text    []byte
	scratch logbook.Scratch
	size    uint64
}

func (s *spool) Write(p []byte) (int, error) {
	if s.scratch == nil && len(s.text)+len(p) > inMemory {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	s.size += uint64(len(p))
	if s.scratch != nil {
		return s.scratch.Write(p)
	}
	s.text = append(s.text, p...)
	return len(p), nil
}

func (s *spool) spill() (err error) {
	if s.scratch, err = s.open(); err != nil {
		return err
	}
	_, err = s.scratch.Write(s.text)
	s.text = nil
	return err
}

func (s *spool) reader() io.Reader {
	if s.scratch == nil {
		return bytes.NewReader(s.text)
	}
	return io.NewSectionReader(s.scratch, 0, int64(s.size))
}

func (s *spool) leastRate() uint64 {
	if s.scratch == nil {
		return 0
	}
	return s.scratch.LeastRate()
}

func (s *spool) close() {
	if s.scratch != nil {
		_ = s.scratch.Close()
	}
	s.text = nil
}
