package group

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
)

// belowDir holds the messages that lay in directories of DIR: each under the path
// that it had there, so that who takes the group over knows its name.
const belowDir = "below"

// mostDirs is how many directories a group makes: each takes two descriptors.
const mostDirs = 64

// place is a directory of a group, and the one in DIR whose messages it takes: nil
// where that is gone.
type place struct{ dir, from *durable.Dir }

// at returns where a message lies, and where it came from.
func (g *Group) at(name string) place {
	if dir := path.Dir(name); dir != "." {
		return g.below[dir]
	}
	return place{g.files, g.box.Root}
}

// At returns the directory in which a message lies, and its name there.
func (g *Group) At(name string) (*durable.Dir, string) { return g.at(name).dir, path.Base(name) }

// open returns the place for the messages of a directory, by its path below DIR, and
// makes it where there is none: fs.ErrNotExist where that directory is gone by now,
// fs.ErrExist where a message has the name that one in the group would need.
func (g *Group) open(sub string) (place, error) {
	if p, ok := g.below[sub]; ok {
		return p, nil
	}
	if sub == "." {
		return g.makeDir(sub, g.dir, belowDir, g.box.Root)
	}
	in, err := g.open(path.Dir(sub))
	if err != nil {
		return place{}, err
	}
	from, err := in.from.Sub(path.Base(sub))
	if errors.Is(err, durable.ErrNotDirectory) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return place{}, err
	}
	p, err := g.makeDir(sub, in.dir, path.Base(sub), from)
	if err != nil {
		_ = from.Close()
	}
	return p, err
}

func (g *Group) makeDir(sub string, in *durable.Dir, name string, from *durable.Dir) (place, error) {
	d, err := in.Mkdir(name, box.DirMode, g.box.Heir)
	if err != nil {
		return place{}, err
	}
	return g.keep(sub, place{d, from}), nil
}

func (g *Group) keep(sub string, p place) place {
	if g.below == nil {
		g.below = make(map[string]place)
	}
	g.below[sub] = p
	return p
}

// belowDirs returns the directories to flush: from above those that gained a name,
// and then those that lost one.
func (g *Group) belowDirs() (dirs []*durable.Dir) {
	var lost []*durable.Dir
	above := func(a, b string) int { return cmp.Compare(len(a), len(b)) }
	for _, sub := range slices.SortedFunc(maps.Keys(g.below), above) {
		p := g.below[sub]
		if dirs = append(dirs, p.dir); p.from != nil {
			lost = append(lost, p.from)
		}
	}
	return append(dirs, lost...)
}

// closeBelow closes the directories that messages came from, and those in which
// they lie.
func (g *Group) closeBelow() {
	for sub, p := range g.below {
		if p.from != nil && sub != "." {
			_ = p.from.Close()
		}
		_ = p.dir.Close()
	}
	g.below = nil
}

// listBelow lists what a dead holder took of directories.
func (g *Group) listBelow() error {
	d, err := g.box.Sub(g.dir, belowDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.listIn(".", g.keep(".", place{d, g.box.Root}))
}

// listIn lists a directory and those in it. A directory of a third user's took the
// place of a file as this was claimed: it is a message that can never be sent.
func (g *Group) listIn(sub string, p place) error {
	for entries, err := range p.dir.Entries(Most) {
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			name := path.Join(sub, e.Name())
			entered, err := g.enter(name, p, e)
			if err != nil {
				return err
			}
			if !entered {
				g.names = append(g.names, name)
			}
		}
		if len(g.names) > Most {
			return errTooMany
		}
	}
	return nil
}

func (g *Group) enter(name string, in place, e fs.DirEntry) (entered bool, err error) {
	if !e.IsDir() {
		return false, nil
	}
	d, err := g.box.Sub(in.dir, e.Name())
	if errors.Is(err, box.ErrForeign) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p := g.keep(name, place{dir: d})
	if in.from != nil {
		from, err := in.from.Sub(e.Name())
		switch {
		case err == nil:
			p = g.keep(name, place{d, from})
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrNotDirectory):
			return false, err // that it lost its names could not be made durable
		}
	}
	return true, g.listIn(name, p)
}

// eachBelow visits the messages in a directory of a group and in those in it.
func eachBelow(in *durable.Dir, name string, visit func(in *durable.Dir, name string)) error {
	d, err := in.Sub(name)
	if err != nil {
		return ignoreGone(err)
	}
	defer d.Close()
	for entries, err := range d.Entries(Most) {
		if err != nil {
			return err
		}
		for _, e := range entries {
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case !e.IsDir():
				visit(d, e.Name())
			default:
				if err := eachBelow(d, e.Name(), visit); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// removeDirs removes a directory in which there are none but empty directories.
func (g *Group) removeDirs(in *durable.Dir, name string) error {
	d, err := g.box.Sub(in, name)
	if err != nil {
		return ignoreGone(err)
	}
	defer d.Close()
	entries, err := d.ReadDir()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := g.removeDirs(d, e.Name()); err != nil {
				return err
			}
		}
	}
	return ignoreGone(in.RemoveDir(name))
}
