package days

import (
	"errors"
	"os"
	"path"
	"time"
)

// mostItems bounds the files that are open at once.
const mostItems = 512

// DirOf is the name of the directory of the day in which t lies.
func DirOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// putting is one Put under way.
type putting struct {
	Batch
	*folders
	others *folders   // of the other place
	files  []*os.File // texts that are not flushed yet
}

// work is an item on its way.
type work struct {
	Item
	result *Result
	in     *folder // of its text, once it is in place
	stem   string
	n      int // how many stems were tried before this one
	away   int // how often its folder was gone
}

// errNoName means that every name that a message can have is another file's.
var errNoName = errors.New("every name that it can have there is taken")

func newPutting(p Place, b Batch) *putting {
	u := &putting{Batch: b, folders: newFolders(p)}
	if b.Other != nil {
		u.others = newFolders(*b.Other)
	}
	return u
}

func (u *putting) close() {
	for _, f := range u.files {
		_ = f.Close() // flushed, or of no use
	}
	u.files = nil
	u.folders.close()
	if u.others != nil {
		u.others.close()
	}
}

// run ends the first of these items, as many as may go together, and returns how
// many they are.
func (u *putting) run(items []*work) (n int, err error) {
	items = items[:together(items)]
	if u.Again {
		if err := u.find(items); err != nil {
			return 0, err
		}
	}
	var placed []*work
	for _, w := range items {
		if err := u.put(w); err != nil {
			return 0, err
		}
		if w.placed() {
			placed = append(placed, w)
		}
	}
	for len(placed) > 0 {
		if err := u.flush(); err != nil {
			return 0, err
		}
		if placed, err = u.move(placed); err != nil {
			return 0, err
		}
	}
	return len(items), u.flush()
}

// together counts the items that go together: at least one.
func together(items []*work) int {
	open := make(map[string]bool)
	for n, w := range items {
		for dir := path.Dir(w.Name); dir != "." && dir != "/" && !open[dir]; dir = path.Dir(dir) {
			open[dir] = true
		}
		if n > 0 && (n == mostItems || len(open) > mostOpen) {
			return n
		}
	}
	return len(items)
}

// flush makes durable what was done since the last time.
func (u *putting) flush() error {
	files, dirs := u.files, u.take()
	if u.others != nil {
		dirs = append(dirs, u.others.take()...)
	}
	if len(files) == 0 && len(dirs) == 0 {
		return nil
	}
	if err := u.Flush(files, dirs); err != nil {
		return err
	}
	for _, f := range files {
		_ = f.Close()
	}
	u.files = u.files[:0]
	return nil
}
