package disk

import (
	"io/fs"
	"os"
)

// WriteAt writes p at byte off.
func (v *Volume) WriteAt(f *os.File, name string, p []byte, off int64) (int, error) {
	if err := v.Announce(Step{Op: OpWrite, Name: name, Off: off, Data: p}); err != nil {
		return 0, err
	}
	return f.WriteAt(p, off)
}

// Append writes p at the end, which is off. On failure the file may hold any
// part of p.
func (v *Volume) Append(f *os.File, name string, p []byte, off int64) error {
	if err := v.Announce(Step{Op: OpAppend, Name: name, Off: off, Data: p}); err != nil {
		return err
	}
	_, err := f.WriteAt(p, off)
	return err
}

// Cut makes a file shorter.
func (v *Volume) Cut(f *os.File, name string, size int64) error {
	if err := v.Announce(Step{Op: OpCut, Name: name, Off: size}); err != nil {
		return err
	}
	return f.Truncate(size)
}

// ReplaceWith writes p to a fresh file, flushes it and gives it a name that
// another file may have had: what is there is whole, and old or new.
func (v *Volume) ReplaceWith(fresh, name string, mode fs.FileMode, p []byte) error {
	_ = v.Remove(fresh) // what a crash left
	f, err := v.Create(fresh, mode)
	if err != nil {
		return err
	}
	err = v.Append(f, fresh, p, 0)
	if err == nil {
		err = v.Sync(f, fresh)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return v.Replace(fresh, name)
}
