package days

import (
	"errors"
	"io/fs"
	"path"

	"sealpost/shared/durable"
)

// move moves messages beside their texts. It returns those that must be placed
// again and are: another file has the stem, or the folder is gone.
func (u *putting) move(placed []*work) (again []*work, err error) {
	for _, w := range placed {
		moved := w.From.MoveNew(w.File, w.in.Dir, w.stem)
		switch {
		case moved == nil:
			u.ended(w)
			continue
		case errors.Is(moved, fs.ErrExist):
			err = u.besideAnother(w)
		case errors.Is(moved, fs.ErrNotExist):
			err = u.goneMeanwhile(w, moved)
		default:
			w.result.Err = moved
		}
		if err != nil {
			return nil, err
		}
		if w.placed() {
			again = append(again, w)
		}
	}
	return again, nil
}

// ended notes where an item lies from now on.
func (u *putting) ended(w *work) {
	w.result.Path = path.Join(w.in.path, w.stem)
	w.result.Text = w.result.Path + u.kind().suffix()
	u.gains(w.in.Dir)
	u.loses(w.From)
}

// besideAnother finds another stem for an item whose own is a file's that has no
// text, unless that file is the message: where a move is made of a link and a
// removal, a crash came between.
func (u *putting) besideAnother(w *work) error {
	same, err := sameFile(w.From, w.File, w.in.Dir, w.stem)
	if err == nil && same {
		if err = w.From.Remove(w.File); err == nil {
			u.ended(w)
			return nil
		}
	}
	if err == nil {
		in, text := w.in, w.stem+u.kind().suffix()
		w.in = nil
		w.n++
		u.gains(in.Dir)
		err = u.show(w, in, text)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return u.goneMeanwhile(w, err)
	}
	w.result.Err = err
	return nil
}

func sameFile(a *durable.Dir, nameA string, b *durable.Dir, nameB string) (bool, error) {
	infoA, errA := a.Lstat(nameA)
	infoB, errB := b.Lstat(nameB)
	return infoA.Same(infoB), errors.Join(errA, errB)
}

// goneMeanwhile tells a message that is gone from a folder that is: then the item
// is placed anew.
func (u *putting) goneMeanwhile(w *work, cause error) error {
	if _, err := w.From.Lstat(w.File); err != nil || w.away >= mostAway {
		w.result.Err = cause
		return nil
	}
	w.away++
	w.in, w.n = nil, 0
	u.forget()
	return u.put(w)
}
