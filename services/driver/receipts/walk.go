package receipts

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"sealpost/shared/durable"
)

// mostDepth bounds folders in folders: a message's name has fewer parts.
const mostDepth = 128

// errDepth means that folders lie deeper than a client makes them.
var errDepth = errors.New("folders lie too deep in each other")

// folder is an open directory of sent/ or refused/, with the files in it.
type folder struct {
	*durable.Dir
	files map[string]bool
}

// eachFolder calls read for every directory below one of the outbox's: days, and
// the folders in them.
func (s *Set) eachFolder(outbox *durable.Dir, name string, read func(f folder)) {
	parent, err := outbox.Sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.fail(filepath.Join(outbox.Path(), name), -1, causeOf(err))
		return
	}
	defer parent.Close()
	days, err := names(parent, func(fs.DirEntry) bool { return true })
	if err != nil {
		s.fail(parent.Path(), -1, err)
	}
	for _, day := range days {
		s.walk(parent, day, 0, read)
	}
}

// walk reads a directory, and then those in it. One that is gone was removed by
// hand, or is too old for the client to be kept.
func (s *Set) walk(parent *durable.Dir, name string, depth int, read func(f folder)) {
	path := filepath.Join(parent.Path(), name)
	d, err := parent.Sub(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		s.fail(path, -1, causeOf(err))
		return
	}
	defer d.Close()
	if depth > mostDepth {
		s.fail(path, -1, errDepth)
		return
	}
	files, folders, err := contents(d)
	if err != nil {
		s.fail(path, -1, err)
		return
	}
	read(folder{d, files})
	for _, name := range folders {
		s.walk(d, name, depth+1, read)
	}
}

// contents tells regular files from directories. Names with a dot are not looked
// at: a client hides so what it is not through with.
func contents(d *durable.Dir) (files map[string]bool, folders []string, err error) {
	files = make(map[string]bool)
	entries, err := d.ReadDir()
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case isFile(e):
			files[e.Name()] = true
		case e.IsDir():
			folders = append(folders, e.Name())
		}
	}
	return files, folders, err
}

// causeOf leaves out the path, which an Error has.
func causeOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
