package state

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// senders holds the records of senders.jsonl and reads them again when the
// file has changed.
type senders struct {
	path string

	mu      sync.Mutex
	records []record // never changed in place: readers hold it without the lock
	// held is the version that was read, kept open so that its inode number
	// cannot go to a later version: two replacements within one tick of the
	// file system's clock could else look like none.
	held *os.File
	was  fs.FileInfo // of held, when it was read
}

// current returns the records in force: those of the file, or the last that
// could be read.
func (s *senders) current() []record {
	_ = s.refresh() // Check reports it
	return s.snapshot()
}

func (s *senders) snapshot() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.records)
}

// refresh reads the file if it is not the version that was read last.
func (s *senders) refresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("senders: %w", err)
	}
	if s.unchanged(info) {
		return nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("senders: %w", err)
	}
	if err := s.read(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("senders: %w", err)
	}
	return nil
}

// unchanged also compares size and time, for a file that was edited in place.
func (s *senders) unchanged(info fs.FileInfo) bool {
	return s.held != nil && info.Size() == s.was.Size() && info.ModTime().Equal(s.was.ModTime()) && os.SameFile(info, s.was)
}

func (s *senders) read(f *os.File) error {
	// Size and time before the bytes: a change in between shows next time.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	records, err := parseRecords(f)
	if err != nil {
		return err
	}
	if s.held != nil {
		_ = s.held.Close()
	}
	s.held, s.was, s.records = f, info, records
	return nil
}

func (s *senders) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		return nil
	}
	err := s.held.Close()
	s.held = nil
	return err
}
