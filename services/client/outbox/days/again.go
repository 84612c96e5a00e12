package days

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sealpost/shared/durable"
)

// search looks in all days of a place for what earlier Puts have left of items.
type search struct {
	*folders
	// found is told of an item's text, which is whole, in a folder that is kept open.
	found func(w *work, at *folder, n int)
}

// listed bounds the entries that are in memory at once.
const listed = 1024

// all looks for these items, in the newest day first. Of each it finds one text.
func (s search) all(items []*work) error {
	names, err := s.place.days()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(items), func(w *work) bool { return w.result.Err != nil })
	for _, name := range slices.Backward(names) {
		left = slices.DeleteFunc(left, func(w *work) bool { return s.in(w, nil, name, strings.Split(w.Name, "/")) })
	}
	return nil
}

// days lists the days of a place, the oldest first.
func (p Place) days() (names []string, err error) {
	for entries, err := range p.Dir.Entries(listed) {
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, ok := parseDay(e.Name()); ok {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// parseDay returns the start of a day.
func parseDay(name string) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, name)
	return day, err == nil && DirOf(day) == name
}

// in looks for an item's text in the folder with that name, and there where the
// rest of the item's name leads to. The folder stays open where it was found.
func (s search) in(w *work, up *folder, name string, parts []string) bool {
	at, known, err := s.peek(up, name)
	if err != nil {
		return false // what is in the way of this day's messages is told when they go there
	}
	found := s.below(w, at, parts)
	switch {
	case known:
	case found:
		s.keep(at)
	default:
		_ = at.Close()
	}
	return found
}

func (s search) below(w *work, at *folder, parts []string) bool {
	if len(parts) == 1 {
		return s.texts(w, at, parts[0])
	}
	for n := 0; n <= mostTry; n++ {
		name := folderName(parts[0], w.ID, n)
		if n > 1 && !has(at.Dir, name) {
			return false // more digits were never needed
		}
		if s.in(w, at, name, parts[1:]) {
			return true
		}
	}
	return false
}

// texts looks for an item's text in the folder that it would be in, and removes
// what a crash left of it.
func (s search) texts(w *work, at *folder, part string) bool {
	kind := s.place.Kind
	_ = at.Remove(kind.hidden(w.ID))
	for n := 0; n <= mostTry; n++ {
		name := stem(part, w.ID, n)
		if name == "" {
			continue
		}
		text := name + kind.suffix()
		id, whole, err := s.place.whole(at.Dir, text)
		switch {
		case n > 0 && errors.Is(err, fs.ErrNotExist):
			return false // more digits were never needed
		case err != nil:
		case whole && id == w.ID:
			s.found(w, at, n)
			return true
		case !whole && !hasFile(at.Dir, name):
			s.place.clear(at.Dir, text)
		}
	}
	return false
}

func has(in *durable.Dir, name string) bool {
	_, err := in.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// hasFile is has for a message: a folder of its name may be there as well as its
// text.
func hasFile(in *durable.Dir, name string) bool {
	info, err := in.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist) && !info.IsDir()
}

// find finds these items' texts from before, on whatever day, and removes those in
// the other place.
func (u *putting) find(items []*work) error {
	if u.Other != nil {
		if err := (search{u.others, u.withdraw}).all(items); err != nil {
			return err
		}
	}
	return search{u.folders, u.goOn}.all(items)
}

// withdraw removes a text in the other place, but none that has its message.
func (u *putting) withdraw(w *work, at *folder, n int) {
	if name := stem(path.Base(w.Name), w.ID, n); !hasFile(at.Dir, name) {
		_ = at.Remove(name + u.Other.Kind.suffix())
		u.others.loses(at.Dir)
	}
}

// goOn goes on with an item whose text lies in a folder. One whose message is
// beside it, and not where it was, has ended. Otherwise the text is written anew:
// what is seen of it may not be on the disk.
func (u *putting) goOn(w *work, at *folder, n int) {
	w.n, w.stem = n, stem(path.Base(w.Name), w.ID, n)
	switch {
	case has(w.From, w.File):
		if w.result.Err = u.renew(w, at); w.result.Err == nil {
			w.in = at
		}
	case hasFile(at.Dir, w.stem):
		w.in = at
		u.ended(w)
	default:
		w.result.Text = path.Join(at.path, w.stem+u.kind().suffix())
		w.result.Err = &fs.PathError{Op: "move", Path: w.From.Path(), Err: fs.ErrNotExist}
	}
}

// renew replaces an item's own text.
func (u *putting) renew(w *work, at *folder) error {
	f, err := u.place.write(at.Dir, w.Item)
	if err != nil {
		return err
	}
	u.files = append(u.files, f)
	u.gains(at.Dir)
	return at.RenameOnly(u.kind().hidden(w.ID), at.Dir, w.stem+u.kind().suffix())
}
