package outbox

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable"
)

// owner is to whom belongs what a client makes in an outbox. Run as root that is
// the owner of the outbox, who could otherwise neither read nor remove it.
//
// Nothing is given away but what was just made or found to be root's, and by
// descriptor: the owner of the outbox may put a link or another file in the
// place of any name.
type owner struct{ uid, gid int }

// ownerFor returns the owner of what is made in dir.
func ownerFor(dir string) owner {
	uid, gid, err := durable.OwnerIn(dir)
	if err != nil || uid == 0 {
		return owner{durable.KeepOwner, durable.KeepOwner}
	}
	return owner{uid, gid}
}

func (w owner) changes() bool { return w.uid != durable.KeepOwner }

// writeFile is [durable.WriteFile].
func (w owner) writeFile(path string, data []byte, mode fs.FileMode) error {
	return durable.WriteFileOwner(path, data, mode, w.uid, w.gid)
}

// mkdir makes a directory with exactly dirMode, whatever the umask.
func (w owner) mkdir(path string) error {
	if err := os.Mkdir(path, dirMode); err != nil {
		return err
	}
	d, err := openOwn(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := w.give(d); err != nil {
		return err
	}
	return d.Chmod(dirMode)
}

// adopt gives the owner a directory that is root's, as an earlier run left it.
func (w owner) adopt(path string) error {
	if !w.changes() {
		return nil
	}
	d, err := openOwn(path)
	if errors.Is(err, errNotOurs) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	return w.give(d)
}

// makeLock makes the file of a lock where there is none, so that the owner can
// take it, too.
func (w owner) makeLock(path string) error {
	if !w.changes() {
		return nil // whoever takes it makes it
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, lockMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.give(f); err != nil {
		return err
	}
	return f.Chmod(lockMode)
}

func (w owner) give(f *os.File) error {
	if !w.changes() {
		return nil
	}
	return f.Chown(w.uid, w.gid)
}

var errNotOurs = errors.New("it belongs to another user")

// openOwn opens a directory that belongs to the user that this process runs as.
func openOwn(path string) (*os.File, error) {
	d, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := d.Stat()
	if err == nil && int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotOurs}
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}
