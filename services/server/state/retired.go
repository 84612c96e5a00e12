package state

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// ErrRetiredFile means that the file of the serial cannot be read.
var ErrRetiredFile = errors.New("not a logbook id and a serial")

// RetiredSerial returns the serial of the newest note of retired messages that the
// logbook is known to have had, 0 for none. It is in the file retired: the logbook's
// id, a space, the serial. What is there of another logbook counts for nothing: an
// acceptance begins anew.
func (s *State) RetiredSerial() (uint64, error) {
	text, err := s.read(retiredFile, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("state: %w", err)
	}
	id, digits, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	serial, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case err != nil || !validLogbookID(id):
		return 0, fmt.Errorf("state: %s: %w", retiredFile, ErrRetiredFile)
	case id != s.LogbookID():
		return 0, nil
	}
	return serial, nil
}

// SetRetiredSerial keeps the serial of a note that is durable on the log volume.
func (s *State) SetRetiredSerial(serial uint64) error {
	if err := s.write(retiredFile, fmt.Appendf(nil, "%s %d\n", s.LogbookID(), serial)); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
