package durable

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// Entries lists the directory as [Dir.ReadDir] does, but at most n entries at a
// time and in no order, so that memory is bounded by n. Names may be removed
// meanwhile; whether one that comes meanwhile is listed is left open. An error ends
// the listing.
func (d *Dir) Entries(n int) iter.Seq2[[]fs.DirEntry, error] {
	return func(yield func([]fs.DirEntry, error) bool) {
		f, err := d.again()
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		for {
			entries, err := f.ReadDir(n)
			if errors.Is(err, io.EOF) {
				return
			}
			for i, e := range entries {
				entries[i] = entry{e, d}
			}
			if !yield(entries, err) || err != nil {
				return
			}
		}
	}
}

// again opens the directory once more, to be listed from its start.
func (d *Dir) again() (f *os.File, err error) {
	err = d.control(func(fd int) error {
		again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			f = os.NewFile(uintptr(again), d.path)
		}
		return err
	})
	if err != nil {
		err = &fs.PathError{Op: "open", Path: d.path, Err: err}
	}
	return f, err
}
