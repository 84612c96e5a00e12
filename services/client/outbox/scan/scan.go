// Package scan lists the messages that wait in an outbox, in its directory alone or
// below it too, a piece at a time.
//
// Guaranteed: memory is bounded by [Config.Most] and the depth, however many files
// there are; a message that lies still from the beginning of a scan to its end is
// in one piece, though others are taken away between pieces. No link is followed,
// and nothing is walked to by path: each level is opened in the one above. What
// messages cannot be moved away from is not entered: what is mounted there.
//
// Passed over are names that begin with a dot, those that a pattern ignores,
// directories of such names with all that is in them, and the outbox's own sent
// and refused. Not guaranteed: that a file is whole.
package scan

import (
	"errors"
	"io/fs"
	"iter"
	"strings"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/ignore"
)

// MostDepth is how many directories may lie in one another below the outbox. Each
// takes two descriptors while it is read.
const MostDepth = 32

// Config says what to list.
type Config struct {
	Recursive bool            // below DIR too
	Ignore    ignore.Patterns // names to leave alone
	Most      int             // names that are read at once, and that a piece has at most
	// Entering is told each directory's path before its names are read. May be nil.
	Entering func(path string)
}

// Piece is some of what lies in one directory.
type Piece struct {
	Dir     *durable.Dir // open until the next piece is asked for
	Below   string       // its path below the outbox with "/" at the end; "" for the outbox itself
	Names   []string     // of files in Dir; a message's name is Below and one of these
	Odd     []Odd        // what is not sent and never will be
	Ignored int          // files that Config.Ignore names
}

// Odd is something that is not sent, and what it is.
type Odd struct{ Path, Is string }

const (
	tooDeep   = "a directory too deep down"
	elsewhere = "a directory on another file system, or mounted there"
)

// Files lists the messages below root. The error is about root itself, and ends the
// listing; a directory below that cannot be read is an Odd.
func Files(root *durable.Dir, cfg Config) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		w := &walk{Config: cfg, root: root, yield: yield}
		w.dir(root, "", 0)
	}
}

// walk is one listing. Its methods return false once it is to end.
type walk struct {
	Config
	root  *durable.Dir
	yield func(Piece, error) bool
}

// dir lists a directory at a depth, and those in it.
func (w *walk) dir(d *durable.Dir, below string, depth int) bool {
	if w.Entering != nil {
		w.Entering(d.Path())
	}
	for entries, err := range d.Entries(w.Most) {
		if err != nil {
			return w.failed(d, below, depth, err)
		}
		p := Piece{Dir: d, Below: below}
		dirs := w.sort(&p, entries, depth)
		if !w.yield(p, nil) {
			return false
		}
		for _, name := range dirs {
			if !w.sub(d, below, name, depth+1) {
				return false
			}
		}
	}
	return true
}

// sort fills a piece, and returns the directories to enter.
func (w *walk) sort(p *Piece, entries []fs.DirEntry, depth int) (dirs []string) {
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."), depth == 0 && (name == box.Sent || name == box.Refused):
		case e.IsDir() && w.Recursive:
			if !w.Ignore.Match(name) {
				dirs = append(dirs, name)
			}
		case !e.Type().IsRegular():
			p.Odd = append(p.Odd, Odd{p.Below + name, box.Kind(e.Type())})
		case w.Ignore.Match(name):
			p.Ignored++
		default:
			p.Names = append(p.Names, name)
		}
	}
	return dirs
}

// sub lists a directory in another one. One that has gone, or became another thing,
// since its name was read is passed over: the next scan tells what it is.
func (w *walk) sub(in *durable.Dir, below, name string, depth int) bool {
	if depth > MostDepth {
		return w.odd(in, below, name, tooDeep)
	}
	d, err := in.Sub(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrNotDirectory):
		return true
	case err != nil:
		return w.odd(in, below, name, unreadable(err))
	}
	defer d.Close()
	if !d.SameMount(w.root) {
		return w.odd(in, below, name, elsewhere)
	}
	return w.dir(d, below+name+"/", depth)
}

func (w *walk) failed(d *durable.Dir, below string, depth int, err error) bool {
	if depth == 0 {
		return w.yield(Piece{}, err)
	}
	return w.odd(d, "", strings.TrimSuffix(below, "/"), unreadable(err))
}

func (w *walk) odd(in *durable.Dir, below, name, is string) bool {
	return w.yield(Piece{Dir: in, Below: below, Odd: []Odd{{below + name, is}}}, nil)
}

func unreadable(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // without the path, which is beside it
	}
	return "a directory that cannot be read: " + err.Error()
}
