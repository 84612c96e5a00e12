package days

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

const (
	dirMode  = 0o755
	fileMode = 0o644

	mostOpen = 256 // folders at once
	mostAway = 8   // times that a message goes on after its folder was removed by hand
)

// folder is an open directory: a day, or a folder in one.
type folder struct {
	*durable.Dir
	path string // below the place
	in   *durable.Dir
}

// folders are the open directories of a batch in one place.
type folders struct {
	place Place
	named map[string]*folder // by path; they may have been removed by hand since
	all   []*folder
	// gained are the directories with new names, and lost those whose names went,
	// since the last flush.
	gained, lost []*durable.Dir
}

func newFolders(p Place) *folders { return &folders{place: p, named: make(map[string]*folder)} }

func (f *folders) close() {
	for _, d := range f.all {
		_ = d.Close()
	}
	f.all = nil
	f.forget()
}

// forget makes every folder be opened anew.
func (f *folders) forget() { f.named = make(map[string]*folder) }

// gains notes that a directory has a new name.
func (f *folders) gains(d *durable.Dir) { f.gained = addOnce(f.gained, d) }

// loses notes that a name in a directory went.
func (f *folders) loses(d *durable.Dir) { f.lost = addOnce(f.lost, d) }

func addOnce(dirs []*durable.Dir, d *durable.Dir) []*durable.Dir {
	if slices.Contains(dirs, d) {
		return dirs
	}
	return append(dirs, d)
}

// take returns the directories to flush: that of a new name before the one that
// the name left, since the other way a power cut could leave none.
func (f *folders) take() (dirs []*durable.Dir) {
	dirs = slices.Concat(f.gained, f.lost)
	f.gained, f.lost = nil, nil
	return dirs
}

// day opens the directory of a day, and makes it where there is none.
func (f *folders) day(name string) (*folder, error) { return f.enter(nil, name) }

// below opens the folders of a message in a day, and makes them. Where a file, or
// somebody else's directory, has the name of one, it gets another.
func (f *folders) below(day *folder, parts []string, id message.ID) (*folder, error) {
	at := day
	for _, part := range parts {
		next, err := (*folder)(nil), error(nil)
		for n := 0; n <= mostTry; n++ {
			if next, err = f.enter(at, folderName(part, id, n)); !inTheWay(err) {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// inTheWay reports whether something else has the name of a folder.
func inTheWay(err error) bool {
	return errors.Is(err, durable.ErrNotDirectory) || errors.Is(err, errForeign)
}

// enter opens the folder with that name in another one, nil: in the place. Who
// made it may not have flushed its name yet, so that this is done here.
func (f *folders) enter(up *folder, name string) (*folder, error) {
	full := f.pathOf(up, name)
	if known := f.named[full]; known != nil {
		return known, nil
	}
	in := f.dirOf(up)
	d, err := f.place.subOrMake(in, name)
	if err != nil {
		return nil, err
	}
	made := &folder{Dir: d, path: full, in: in}
	f.keep(made)
	return made, nil
}

// peek opens a folder that is there. The caller keeps or closes one that was not
// known.
func (f *folders) peek(up *folder, name string) (at *folder, known bool, err error) {
	full := f.pathOf(up, name)
	if at := f.named[full]; at != nil {
		return at, true, nil
	}
	in := f.dirOf(up)
	d, err := f.place.sub(in, name)
	if err != nil {
		return nil, false, err
	}
	return &folder{Dir: d, path: full, in: in}, false, nil
}

func (f *folders) pathOf(up *folder, name string) string {
	if up == nil {
		return name
	}
	return path.Join(up.path, name)
}

func (f *folders) dirOf(up *folder) *durable.Dir {
	if up == nil {
		return f.place.Dir
	}
	return up.Dir
}

// keep takes in an open folder, which is closed with the others.
func (f *folders) keep(d *folder) {
	f.named[d.path] = d
	f.all = append(f.all, d)
	f.gains(d.in)
}

// subOrMake opens a directory of ours, or makes one. Others make and remove the
// same one meanwhile.
func (p Place) subOrMake(in *durable.Dir, name string) (d *durable.Dir, err error) {
	for range mostAway {
		if d, err = p.sub(in, name); !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
		d, err = in.Mkdir(name, dirMode, p.Heir)
		if err == nil || !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
	}
	return nil, err
}

// sub opens a directory, and none of a third user's. One that an earlier run as
// root left is given to the heir.
func (p Place) sub(in *durable.Dir, name string) (*durable.Dir, error) {
	d, err := in.Sub(name)
	if err != nil {
		return nil, err
	}
	info, err := d.Stat()
	switch {
	case err != nil:
	case !info.OursOr(p.Owner):
		err = &fs.PathError{Op: "open", Path: d.Path(), Err: errForeign}
	case p.Heir != durable.Keep && info.Ours():
		err = d.Adopt(p.Heir)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}
