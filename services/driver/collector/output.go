package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable"
)

// fileMode is the mode of what others may read here, whatever the umask.
const fileMode fs.FileMode = 0o644

// output is the directory that is collected into. Who runs the driver as root
// gives what it makes there to the directory's owner, who may want to read and
// remove it.
type output struct {
	dir      string
	uid, gid int // durable.KeepOwner: as the process makes it
}

func openOutput(dir string) (output, error) {
	o := output{dir: dir}
	err := durable.MkdirAll(dir, 0o755)
	if err == nil {
		o.uid, o.gid, err = durable.OwnerIn(dir)
	}
	if err != nil {
		return o, fmt.Errorf("output directory: %w", err)
	}
	return o, nil
}

// path is that of a file in the directory.
func (o output) path(name string) string { return filepath.Join(o.dir, name) }

// WriteFile replaces a file in an output directory: as durable.WriteFile does,
// readable for all, and with the owner of everything there.
func WriteFile(dir, name string, data []byte) error {
	o, err := openOutput(dir)
	if err != nil {
		return err
	}
	return o.write(name, data)
}

func (o output) write(name string, data []byte) error {
	return durable.WriteFileOwner(o.path(name), data, fileMode, o.uid, o.gid)
}

// open opens a file of ours for reading and writing, or makes it. Its owner and
// mode are set through the descriptor, and only on what was made here or is no
// link: the directory's owner could otherwise have any file given to them.
func (o output) open(name string, mode fs.FileMode) (*os.File, error) {
	const how = os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(o.path(name), how, 0)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		f, err = os.OpenFile(o.path(name), how|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if err := o.settle(f, mode, made); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: f.Name(), Err: err}, f.Close())
	}
	return f, nil
}

// errNotPlain means that something else stands where a file of ours belongs.
var errNotPlain = errors.New("it is not a plain file of one name")

// settle gives a file its owner and mode, as far as the process may.
func (o output) settle(f *os.File, mode fs.FileMode, made bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || owner.Nlink != 1 {
		return errNotPlain
	}
	if o.uid != durable.KeepOwner && (int(owner.Uid) != o.uid || int(owner.Gid) != o.gid) {
		if err := f.Chown(o.uid, o.gid); err != nil {
			return err
		}
	}
	// After the change of owner, which may clear bits of the mode.
	if err := f.Chmod(mode); err != nil && (made || !errors.Is(err, fs.ErrPermission)) {
		return err
	}
	return nil
}

// openPart opens the temporary file of a transfer. What lies in its place and
// cannot be used is taken away first.
func (o output) openPart(name string) (*os.File, error) {
	f, err := o.open(name, fileMode)
	if err == nil {
		return f, nil
	}
	if err := os.Remove(o.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return o.open(name, fileMode)
}
