package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"sealpost/shared/durable"
)

// commonFiles are what all servers of a cluster have alike. They are replaced in this
// order, so that who reads in between finds what a change of this package leaves between
// its steps: a former identity is noted before it is replaced, and a sender's limits hold
// before its token does.
var commonFiles = []struct {
	name string
	most int64 // bytes
}{
	{formerFile, maxIdentityFile}, {identityFile, maxIdentityFile}, {nextFile, maxIdentityFile},
	{logbookFile, maxSmallFile}, {limitsFile, maxSendersFile}, {sendersFile, maxSendersFile},
}

// ErrCommonFile means that a file is none that servers have in common, as far as this one
// knows: a newer one may.
var ErrCommonFile = errors.New("not a file that servers have in common")

// ErrNoServer means that files are those of no server: there is no identity among them, or
// no logbook id.
var ErrNoServer = errors.New("no identity and logbook id")

// ReadCommon returns the files in dir that all servers of a cluster have alike, by their
// names, as they are between two changes. They hold private keys.
func ReadCommon(dir string) (files map[string][]byte, err error) {
	s := &State{dir: dir}
	files = make(map[string][]byte)
	err = s.locked(func() error {
		for _, f := range commonFiles {
			text, err := s.read(f.name, f.most)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			files[f.name] = text
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return files, nil
}

// WriteCommon makes the files in dir, which is made where there is none, those: one that
// is not among them goes. Private keys of identities that sign no more are left out. Cut short
// it can be done again. After an error of CheckCommon nothing was done.
func WriteCommon(dir string, files map[string][]byte) error {
	if err := CheckCommon(files); err != nil {
		return err
	}
	err := MakeDir(dir)
	s := &State{dir: dir}
	if err == nil {
		err = s.locked(func() error { return s.writeCommon(files) })
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// CheckCommon looks at the names of files: ErrCommonFile, ErrNoServer.
func CheckCommon(files map[string][]byte) error {
	if files[identityFile] == nil || files[logbookFile] == nil {
		return fmt.Errorf("state: %w", ErrNoServer)
	}
	known := 0
	for _, f := range commonFiles {
		if _, there := files[f.name]; there {
			known++
		}
	}
	if known < len(files) {
		return fmt.Errorf("state: %w", ErrCommonFile)
	}
	return nil
}

// OneLogbook reports whether files are those of servers of one logbook. Files without its id
// are of any.
func OneLogbook(files, others map[string][]byte) bool {
	id, other := files[logbookFile], others[logbookFile]
	return id == nil || other == nil || bytes.Equal(id, other)
}

func (s *State) writeCommon(files map[string][]byte) error {
	for _, f := range commonFiles {
		text, there := files[f.name]
		if f.name == formerFile {
			var err error
			if text, err = withoutExpired(text); err != nil {
				return err
			}
		}
		was, err := s.read(f.name, f.most)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err == nil && there && bytes.Equal(was, text), err != nil && !there:
			continue
		case there:
			err = s.write(f.name, text)
		default:
			err = s.remove(f.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutExpired leaves out the private keys of identities whose date has come.
func withoutExpired(text []byte) ([]byte, error) {
	list, err := parseFormer(text)
	if err != nil {
		return nil, err
	}
	list, n := stripped(list, time.Now())
	if n == 0 {
		return text, nil
	}
	return linesOf(list)
}

func (s *State) remove(name string) error {
	d, err := durable.OpenDir(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Remove(name); err != nil {
		return err
	}
	return d.Sync()
}
