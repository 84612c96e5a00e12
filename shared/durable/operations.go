package durable

import (
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNotDir means that something that is not a directory stands in a path.
var errNotDir error = syscall.ENOTDIR

// file is what writing a temporary file needs of *os.File.
type file interface {
	io.WriteCloser
	Chmod(fs.FileMode) error
	Chown(uid, gid int) error
	Sync() error
}

// operations is the seam at which tests make single steps fail.
type operations struct {
	create  func(d *Dir, name string) (file, error) // exclusive
	rename  func(d *Dir, name string, to *Dir, newName string, by renamer) error
	mkdir   func(d *Dir, name string) error
	syncDir func(d *Dir) error
}

var system = operations{
	create: func(d *Dir, name string) (file, error) {
		return d.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	},
	rename: renameAt,
	mkdir: func(d *Dir, name string) error {
		return d.do("mkdir", name, func(fd int) error { return unix.Mkdirat(fd, name, 0o700) })
	},
	syncDir: func(d *Dir) error { return d.file.Sync() },
}
