package local

import "sealpost/services/server/logbook/engine"

// staged is an engine.Body.
var _ engine.Body = (*staged)(nil)

// Weight is as many bytes as the log file has in memory; where it is in a file,
// as many as the largest in memory has, since the file is open.
func (s *staged) Weight() int64 {
	if s.counted {
		return smallFile
	}
	return s.layout.FileSize()
}

// InFile reports whether the whole message is in its file.
func (s *staged) InFile() bool { return s.sheet == nil }

// Complete writes the message to its file, unless it is there, and returns that.
func (s *staged) Complete() (engine.File, error) {
	if !s.InFile() {
		if err := s.writeOut(); err != nil {
			return engine.File{}, err
		}
	}
	return engine.File{File: s.file, Name: s.name, Size: uint64(s.layout.FileSize()), SHA256: s.digest}, nil
}

// Release closes the file, removes it unless it is kept, and gives its room back.
func (s *staged) Release(keep bool) {
	s.l.shelf.leave(s)
	if s.saver != nil {
		s.saver.end()
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	if s.counted {
		s.l.files.Give(s.draft.Sender)
	}
	if s.file != nil && !keep {
		_ = s.l.vol.Remove(s.name)
	}
	s.room.End()
}
