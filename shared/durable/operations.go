package durable

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// errNotDir means that something that is no directory stands in a path.
var errNotDir error = syscall.ENOTDIR

// file is what writing a temporary file needs of *os.File.
type file interface {
	io.WriteCloser
	Name() string
	Chmod(fs.FileMode) error
	Chown(uid, gid int) error
	Sync() error
}

// operations is the seam at which tests make single steps fail.
type operations struct {
	createTemp func(dir, pattern string) (file, error)
	rename     func(oldPath, newPath string) error
	mkdir      func(path string, mode fs.FileMode) error
	syncDir    func(dir string) error
}

var system = operations{
	createTemp: func(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) },
	rename:     os.Rename,
	mkdir:      os.Mkdir,
	syncDir:    syncDir,
}

func syncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := d.Close(); err == nil {
			err = closeErr
		}
	}()
	return d.Sync()
}
