package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Rename moves what has a name to another name, here or in another directory of
// the same mount, replacing what is there, then makes both directories durable.
// The bytes of a file are the caller's to sync beforehand.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	return d.renameBy(name, to, newName, unix.Renameat)
}

// RenameOnly is Rename without making anything durable.
func (d *Dir) RenameOnly(name string, to *Dir, newName string) error {
	return d.ops.rename(d, name, to, newName, unix.Renameat)
}

// MoveNew is RenameOnly where nothing is replaced: fs.ErrExist.
func (d *Dir) MoveNew(name string, to *Dir, newName string) error {
	return d.ops.rename(d, name, to, newName, renameNew)
}

// SameMount reports whether both directories lie in one mount, so that names can be
// moved from here to there: two mounts of one file system have the same device. The
// kernel compares mounts before it looks for the name, which nothing has.
func (d *Dir) SameMount(to *Dir) bool {
	nothing := TempName()
	return !errors.Is(d.RenameOnly(nothing, to, nothing), unix.EXDEV)
}

// renamer is renameat(2), or the like.
type renamer = func(fromFD int, from string, toFD int, to string) error

func (d *Dir) renameBy(name string, to *Dir, newName string, by renamer) error {
	if err := d.ops.rename(d, name, to, newName, by); err != nil {
		return err
	}
	// The new name first: between the two a power cut may leave both names,
	// but never none.
	if err := to.Sync(); err != nil {
		return err
	}
	if d == to {
		return nil
	}
	return d.Sync()
}

func renameAt(d *Dir, name string, to *Dir, newName string, by renamer) error {
	err := errors.Join(checkName(name), checkName(newName))
	if err == nil {
		err = d.control(func(from int) error {
			return to.control(func(into int) error { return by(from, name, into, newName) })
		})
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: d.in(name), New: to.in(newName), Err: err}
	}
	return nil
}

// linkNew is for file systems whose rename cannot be told to replace nothing.
func linkNew(fromFD int, from string, toFD int, to string) error {
	err := unix.Linkat(fromFD, from, toFD, to, 0)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS):
		return placeNew(fromFD, from, toFD, to)
	case err != nil:
		return err
	}
	return unix.Unlinkat(fromFD, from, 0)
}

// placeNew is for file systems that have no hard links either: an empty file of
// our own, made exclusively, keeps the place, and may stay there in a crash.
func placeNew(fromFD int, from string, toFD int, to string) error {
	fd, err := unix.Openat(toFD, to, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_ = unix.Close(fd)
	return unix.Renameat(fromFD, from, toFD, to)
}
