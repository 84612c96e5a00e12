package durable

import (
	"errors"
	"os"
)

// ErrNotOurs means that a file does not belong to the user that this process runs
// as, so that it is not ours to give away.
var ErrNotOurs = errors.New("it belongs to another user")

// Owner is to whom a file is given.
type Owner struct{ UID, GID int }

// Keep leaves user and group as the process makes them.
var Keep = Owner{-1, -1}

// Give changes the owner of an open file.
func (o Owner) Give(f interface{ Chown(uid, gid int) error }) error {
	if o == Keep {
		return nil
	}
	return f.Chown(o.UID, o.GID)
}

// Heir returns the owner of what a program makes in the directory. For root that is
// the directory's owner, who could otherwise neither read nor remove it; for any
// other user it is Keep.
func (d *Dir) Heir() (Owner, error) {
	if os.Geteuid() != 0 {
		return Keep, nil
	}
	info, err := d.Stat()
	if err != nil {
		return Keep, err
	}
	uid, gid := info.Owner()
	return Owner{uid, gid}, nil
}
