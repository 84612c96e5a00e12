package durable

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sealpost/shared/bounded"
)

// ErrNotRegular means that what has a name is not a regular file: a symbolic link,
// a directory, a pipe, a socket or a device.
var ErrNotRegular = bounded.ErrNotRegular

// ErrNotDirectory means that what has a name is not a directory; a symbolic link to
// a directory is not one.
var ErrNotDirectory = errors.New("not a directory itself")

// Dir is an open directory, for places where others may write: they can put
// something else in the place of any name, and whoever walks a path anew at each
// step goes where they say. Its methods take one name each, relative to the
// descriptor, and follow no link; every other name is an [fs.ErrInvalid]. Checks
// and changes after Open are made on the open file and not by its name.
//
// One component with O_NOFOLLOW, relative to a descriptor, is what openat2(2)
// with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS gives for it, on every kernel and
// on other systems than Linux. A name may still be a mount.
//
// Safe for concurrent use, but for Close.
type Dir struct {
	file *os.File
	path string // for messages alone
	ops  *operations
}

// OpenDir opens the directory at path. The path is the operator's word: it is
// walked once, and links in it are followed.
func OpenDir(path string) (*Dir, error) { return openDirWith(&system, path) }

func openDirWith(ops *operations, path string) (*Dir, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{file: f, path: path, ops: ops}, nil
}

// Again opens the directory once more.
func (d *Dir) Again() (*Dir, error) {
	f, err := d.again()
	if err != nil {
		return nil, err
	}
	return &Dir{file: f, path: d.path, ops: d.ops}, nil
}

// Path returns the path that the directory was opened at, for messages: what
// lies there now may be another one.
func (d *Dir) Path() string { return d.path }

// Close gives the descriptor back.
func (d *Dir) Close() error { return d.file.Close() }

// Sync makes the names in the directory durable.
func (d *Dir) Sync() error { return d.ops.syncDir(d) }

// in is a path for messages.
func (d *Dir) in(name string) string { return strings.TrimSuffix(d.path, "/") + "/" + name }

// do runs a system call on one name in the directory, again while signals
// interrupt it. Its errors name the path.
func (d *Dir) do(op, name string, call func(fd int) error) error {
	err := checkName(name)
	if err == nil {
		err = d.control(call)
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: d.in(name), Err: err}
	}
	return nil
}

func (d *Dir) control(call func(fd int) error) (err error) {
	raw, err := d.file.SyscallConn()
	if err != nil {
		return err
	}
	closed := raw.Control(func(fd uintptr) {
		for {
			if err = call(int(fd)); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	return cmp.Or(closed, err)
}

// checkName refuses what would lead out of the directory, or to itself.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fs.ErrInvalid
	}
	return nil
}

// Within calls do with the directory that holds what has that path, of names with
// "/" between them, and with its name there. Each level is opened in the one above:
// ErrNotDirectory where one is a link. The error is Sub's or do's.
func (d *Dir) Within(path string, do func(in *Dir, name string) error) error {
	first, rest, deeper := strings.Cut(path, "/")
	if !deeper {
		return do(d, first)
	}
	sub, err := d.Sub(first)
	if err != nil {
		return err
	}
	defer sub.Close()
	return sub.Within(rest, do)
}

// Sub opens a directory in this one: ErrNotDirectory where it is anything else,
// a link among them.
func (d *Dir) Sub(name string) (*Dir, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	var f *os.File
	err := d.do("open", name, func(fd int) error {
		sub, err := unix.Openat(fd, name, flags, 0)
		switch {
		case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
			return ErrNotDirectory
		case err != nil:
			return err
		}
		f = os.NewFile(uintptr(sub), d.in(name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Dir{file: f, path: d.in(name), ops: d.ops}, nil
}

// Open opens a regular file, with the flags of [os.OpenFile]: ErrNotRegular where
// it is anything else. It waits for no other end of a pipe. With os.O_TRUNC a file
// is emptied before it is looked at, so that flag is not taken: fs.ErrInvalid.
func (d *Dir) Open(name string, flag int, mode fs.FileMode) (*os.File, error) {
	var f *os.File
	err := d.do("open", name, func(fd int) (err error) {
		if flag&os.O_TRUNC != 0 {
			return fs.ErrInvalid
		}
		f, err = openRegular(fd, name, d.in(name), flag, mode)
		return err
	})
	return f, err
}

// madeHere are the flags with which nothing but a new regular file is opened.
const madeHere = os.O_CREATE | os.O_EXCL

func makeRegular(dir int, name, path string, flag int, mode fs.FileMode) (*os.File, error) {
	fd, err := unix.Openat(dir, name, flag|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func openRegular(dir int, name, path string, flag int, mode fs.FileMode) (*os.File, error) {
	if flag&madeHere == madeHere {
		return makeRegular(dir, name, path, flag, mode)
	}
	fd, err := unix.Openat(dir, name, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, uint32(mode.Perm()))
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return nil, ErrNotRegular
	case err != nil:
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = ErrNotRegular
	}
	if err == nil { // the flag was for pipes alone
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flag&unix.O_APPEND)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// ReadDir lists the directory, sorted by name, as often as it is called. The
// entries' Type is as the file system says it; Info is [Dir.Lstat].
func (d *Dir) ReadDir() ([]fs.DirEntry, error) {
	f, err := d.again()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for i, e := range entries {
		entries[i] = entry{e, d}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

type entry struct {
	fs.DirEntry
	dir *Dir
}

func (e entry) Info() (fs.FileInfo, error) { return e.dir.Lstat(e.Name()) }

// Lstat describes what has a name, without following it.
func (d *Dir) Lstat(name string) (Info, error) {
	info := Info{name: name}
	err := d.do("lstat", name, func(fd int) error {
		return unix.Fstatat(fd, name, &info.stat, unix.AT_SYMLINK_NOFOLLOW)
	})
	return info, err
}

// Stat describes the directory itself.
func (d *Dir) Stat() (Info, error) { return Stat(d.file) }

// Writable asks whether names in the directory can be changed by the user that
// this process runs as: nil, or why not.
func (d *Dir) Writable() error {
	return d.control(func(fd int) error { return unix.Faccessat(fd, ".", unix.W_OK|unix.X_OK, 0) })
}

// Mkdir makes a directory, with exactly mode and of that owner: fs.ErrExist where
// something has the name. Its name is not durable yet.
func (d *Dir) Mkdir(name string, mode fs.FileMode, owner Owner) (*Dir, error) {
	if err := d.ops.mkdir(d, name); err != nil {
		return nil, err
	}
	made, err := d.Sub(name)
	if err != nil {
		return nil, err
	}
	// Only what is ours is given away: another directory may have its name by now.
	if err = made.Adopt(owner); err == nil {
		err = made.file.Chmod(mode)
	}
	if err != nil {
		_ = made.Close()
		return nil, err
	}
	return made, nil
}

// Adopt gives the directory to an owner: ErrNotOurs where it does not belong to
// the user that this process runs as.
func (d *Dir) Adopt(owner Owner) error {
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if !info.Ours() {
		return &fs.PathError{Op: "chown", Path: d.path, Err: ErrNotOurs}
	}
	return owner.Give(d.file)
}

// Create makes a file, with exactly mode and of that owner, to be read and written:
// fs.ErrExist where something has the name.
func (d *Dir) Create(name string, mode fs.FileMode, owner Owner) (*os.File, error) {
	f, err := d.Open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err := own(f, mode, owner); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// own gives a new file its owner and its mode where it has not got them: each change
// is one of the disk.
func own(f *os.File, mode fs.FileMode, owner Owner) error {
	info, err := Stat(f)
	if err != nil {
		return err
	}
	uid, gid := info.Owner()
	if owner != Keep && owner != (Owner{uid, gid}) {
		// The change may clear bits of the mode.
		return errors.Join(owner.Give(f), f.Chmod(mode))
	}
	if info.Mode() == mode {
		return nil
	}
	return f.Chmod(mode)
}

// Remove removes a file, a link, or anything else that is not a directory.
func (d *Dir) Remove(name string) error {
	return d.do("remove", name, func(fd int) error { return unix.Unlinkat(fd, name, 0) })
}

// RemoveDir removes an empty directory.
func (d *Dir) RemoveDir(name string) error {
	return d.do("rmdir", name, func(fd int) error { return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR) })
}

// InPlace reports whether a directory that OpenDir opened is still the one at its
// path: false once it was removed, replaced, or mounted over. Nothing is opened.
func (d *Dir) InPlace() bool {
	here, err := os.Stat(d.path)
	if err != nil {
		return false
	}
	opened, err := d.file.Stat()
	return err == nil && os.SameFile(here, opened)
}
