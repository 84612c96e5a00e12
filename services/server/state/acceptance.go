package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sealpost/shared/durable"
)

// Acceptance is an operator's word that a log volume which does not fit is to be
// used all the same, under a new id. It is kept in the file accepted, a JSON
// object, from before the first change to the log volume until both volumes have
// the id: cut short, it is carried out by the next start.
type Acceptance struct {
	ID  string `json:"logbook"` // the new id
	Was string `json:"was"`     // the id on the log volume, "" for none: no other volume is meant
}

// Accepted returns the acceptance that is under way, if one is.
func (s *State) Accepted() (a Acceptance, ok bool, err error) {
	text, err := s.read(acceptedFile, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return a, false, nil
	}
	if err == nil { // flushed, for the log volume is changed on this word
		err = durable.SyncDir(s.dir)
	}
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err == nil && !validLogbookID(a.ID) {
		err = ErrLogbookID
	}
	if err != nil {
		return Acceptance{}, false, fmt.Errorf("state: %s: %w", acceptedFile, err)
	}
	return a, true, nil
}

// Accept keeps an acceptance.
func (s *State) Accept(a Acceptance) error {
	text, err := json.Marshal(a)
	if err == nil {
		err = s.write(acceptedFile, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// EndAcceptance forgets the acceptance: it was carried out, or is not needed.
func (s *State) EndAcceptance() error {
	err := os.Remove(s.path(acceptedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.SyncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
