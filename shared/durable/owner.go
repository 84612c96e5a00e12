package durable

import (
	"errors"
	"os"
	"syscall"
)

// ErrNotOurs means that a file does not belong to the user that this process runs
// as, so that it is not ours to give away.
var ErrNotOurs = errors.New("it belongs to another user")

// KeepOwner stands for "leave the user or group as it is".
const KeepOwner = -1

// Owner is to whom a file is given.
type Owner struct{ UID, GID int }

// Keep leaves user and group as the process makes them.
var Keep = Owner{KeepOwner, KeepOwner}

// Give changes the owner of an open file.
func (o Owner) Give(f interface{ Chown(uid, gid int) error }) error {
	if o == Keep {
		return nil
	}
	return f.Chown(o.UID, o.GID)
}

// OwnerIn returns to whom belongs what a program makes in dir. Run as root it
// leaves that to the owner of dir, who could otherwise neither read nor remove
// it; for any other user it is KeepOwner. The error is that of looking at dir.
func OwnerIn(dir string) (uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return KeepOwner, KeepOwner, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return KeepOwner, KeepOwner, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return int(owner.Uid), int(owner.Gid), nil
}

// Heir is [OwnerIn] for an open directory.
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
