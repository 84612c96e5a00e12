package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sealpost/shared/durable"
)

// loadLogbookID reads the logbook's id, and makes that of a new state.
func (s *State) loadLogbookID() error {
	id, err := s.readLogbookID()
	if errors.Is(err, fs.ErrNotExist) {
		id = NewLogbookID()
		err = s.write(logbookFile, []byte(id+"\n"))
	}
	if err != nil {
		return err
	}
	s.logbookID.Store(&id)
	return nil
}

// readLogbookID reads it, and has it flushed: the log volume is given it.
func (s *State) readLogbookID() (string, error) {
	text, err := s.read(logbookFile, maxSmallFile)
	if err != nil {
		return "", err
	}
	id := strings.TrimSuffix(string(text), "\n")
	if !validLogbookID(id) {
		return "", fmt.Errorf("%s: %w", logbookFile, ErrLogbookID)
	}
	return id, durable.SyncDir(s.dir)
}

// Holds reports whether dir is that of a state.
func Holds(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, identityFile))
	return err == nil
}

// maxSmallFile bounds the files that hold an id, an acceptance or a checkpoint, in
// bytes.
const maxSmallFile = 64 << 10

// read reads a file: a regular one itself, and no link.
func (s *State) read(name string, most int64) ([]byte, error) {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadFile(name, most)
}

func (s *State) path(name string) string { return filepath.Join(s.dir, name) }

// locked runs change while no other process changes the directory.
func (s *State) locked(change func() error) (err error) {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	lock, err := d.Lock(lockFile)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := lock.Close(); err == nil {
			err = closeErr
		}
	}()
	heir, err := d.Heir()
	if err != nil {
		return err
	}
	if err := lock.Give(heir); err != nil {
		return err
	}
	return change()
}

// write replaces a file.
func (s *State) write(name string, data []byte) error {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	heir, err := d.Heir()
	if err != nil {
		return err
	}
	return d.WriteFile(name, data, fileMode, heir)
}

// MakeDir makes the directory of a state, for its owner alone.
func MakeDir(dir string) error {
	if err := durable.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	d, err := durable.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&^dirMode == 0 {
		return nil
	}
	// A volume may belong to someone else and be open to a group; its files
	// are 0600 all the same.
	if err := d.Chmod(dirMode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
