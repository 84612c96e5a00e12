package state

import (
	"errors"
	"fmt"
	"io/fs"

	"sealpost/shared/durable"
)

// CopyTo copies the state into dir, which must not be there and is for its owner
// alone, as it is between two changes. The copy holds private keys.
func (s *State) CopyTo(dir string) error {
	if err := s.locked(func() error { return s.copyTo(dir) }); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

func (s *State) copyTo(dir string) error {
	if err := durable.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	d, err := durable.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, f := range []struct {
		name string
		most int64
	}{
		{logbookFile, maxSmallFile}, {checkpointFile, maxSmallFile}, {acceptedFile, maxSmallFile},
		{retiredFile, maxSmallFile}, {quotaDayFile, maxSmallFile}, {limitsFile, maxSendersFile},
		{sendersFile, maxSendersFile}, {usedFile, maxSendersFile}, {formerFile, maxIdentityFile}, {nextFile, maxIdentityFile},
		{identityFile, maxIdentityFile},
	} {
		text, err := s.read(f.name, f.most)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = d.WriteNew(f.name, text, fileMode, durable.Keep)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
