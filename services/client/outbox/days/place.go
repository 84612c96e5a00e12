package days

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// placed reports whether an item's text is in place, and its message not beside it
// yet.
func (w *work) placed() bool { return w.in != nil && w.result.Err == nil && w.result.Path == "" }

// put puts an item's text in place, unless that is there, or the item has ended or
// cannot go on. The error is one of the place.
func (u *putting) put(w *work) error {
	for w.in == nil && w.result.Err == nil {
		if _, err := w.From.Lstat(w.File); err != nil {
			w.result.Err = err
			break
		}
		day, err := u.day(DirOf(u.Day))
		if err != nil {
			return err
		}
		err = u.putIn(w, day)
		if errors.Is(err, fs.ErrNotExist) && w.away < mostAway {
			w.away++
			w.n = 0
			u.forget() // the day, or a folder in it, was removed by hand
			continue
		}
		w.result.Err = err
	}
	return nil
}

// putIn puts an item's text into a day: under its hidden name first, so that
// another name has all of it at once.
func (u *putting) putIn(w *work, day *folder) error {
	parts := strings.Split(w.Name, "/")
	in, err := u.below(day, parts[:len(parts)-1], w.ID)
	if err != nil {
		return err
	}
	f, err := u.place.write(in.Dir, w.Item)
	if err != nil {
		return err
	}
	u.files = append(u.files, f)
	u.gains(in.Dir)
	hidden := u.kind().hidden(w.ID)
	if err := u.show(w, in, hidden); err != nil {
		_ = in.Remove(hidden)
		return err
	}
	return nil
}

func (u *putting) kind() Kind { return u.place.Kind }

// show gives a text the name of the first stem that is free, from the item's on.
// The text keeps the stem: no client takes one that has a text. A file that has it
// without one is only seen when the message moves, if it came meanwhile.
func (u *putting) show(w *work, in *folder, text string) error {
	part := path.Base(w.Name)
	for ; w.n <= mostTry; w.n++ {
		w.stem = stem(part, w.ID, w.n)
		if w.stem == "" {
			continue
		}
		if _, err := in.Lstat(w.stem); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err := in.MoveNew(text, in.Dir, w.stem+u.kind().suffix())
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			w.in = in
		}
		return err
	}
	return errNoName
}
