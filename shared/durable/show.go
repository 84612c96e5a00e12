package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrExchanged means that a name belongs to another file than to the one that was
// worked on.
var ErrExchanged = errors.New("another file was put in its place")

// Show gives the file that f has open, and that has a name here, another name, and
// replaces nothing: fs.ErrExist. The error is ErrExchanged if either name belongs
// to another file, which somebody who may write here has put there. It is not an
// error that the file was taken away under its new name. Nothing is made durable. It
// describes the file as it was before.
func (d *Dir) Show(f *os.File, name, newName string) (Info, error) {
	held, err := Stat(f)
	if err == nil {
		err = d.isFile(held, name)
	}
	if err != nil {
		return held, err
	}
	return held, d.show(held, name, newName)
}

func (d *Dir) show(held Info, name, newName string) error {
	err := d.ops.rename(d, name, d, newName, renameNew)
	if onlyReplaces(err) {
		if _, missing := d.Lstat(newName); !errors.Is(missing, fs.ErrNotExist) {
			return &fs.PathError{Op: "rename", Path: d.in(newName), Err: fs.ErrExist}
		}
		err = d.RenameOnly(name, d, newName)
	}
	if err != nil {
		return err
	}
	if err := d.isFile(held, newName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// onlyReplaces reports whether a file system has neither a rename that replaces
// nothing nor links: exFAT, some of FUSE.
func onlyReplaces(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}

func (d *Dir) isFile(held Info, name string) error {
	named, err := d.Lstat(name)
	switch {
	case err != nil:
		return err
	case !named.Same(held):
		return &fs.PathError{Op: "rename", Path: d.in(name), Err: ErrExchanged}
	}
	return nil
}

// Unnamed opens a new file without a name, to be read and written by this process
// alone. A power cut may leave it empty under one that IsTemp knows.
func (d *Dir) Unnamed() (*os.File, error) {
	for {
		name := TempName()
		f, err := d.Open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return nil, err
		}
		if err := d.Remove(name); err != nil {
			_ = f.Close()
			return nil, err
		}
		return f, nil
	}
}
