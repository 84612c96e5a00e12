package durable

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Info describes a file as [Dir.Lstat] found it.
type Info struct {
	name string
	stat unix.Stat_t
}

// Stat describes an open file.
func Stat(f *os.File) (Info, error) {
	info := Info{name: f.Name()}
	raw, err := f.SyscallConn()
	if err != nil {
		return info, err
	}
	closed := raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &info.stat) })
	if closed != nil {
		err = closed
	}
	if err != nil {
		err = &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return info, err
}

// Same reports whether both describe one file, whatever its names.
func (i Info) Same(other Info) bool { return i.SameDevice(other) && i.stat.Ino == other.stat.Ino }

// SameDevice reports whether both files lie on one file system.
func (i Info) SameDevice(other Info) bool { return i.stat.Dev == other.stat.Dev }

// Owner returns the user and the group that it belongs to.
func (i Info) Owner() (uid, gid int) { return int(i.stat.Uid), int(i.stat.Gid) }

// Ours reports whether it belongs to the user that this process runs as.
func (i Info) Ours() bool { return i.OursOr(os.Geteuid()) }

// OursOr reports whether it is ours, or belongs to that user.
func (i Info) OursOr(uid int) bool {
	owner, _ := i.Owner()
	return owner == os.Geteuid() || owner == uid
}

// Links counts its names.
func (i Info) Links() uint64 { return uint64(i.stat.Nlink) }

// Changed is when its bytes, rights or names changed last, the names in it for a
// directory. Nobody can set it, as they can the time of modification.
func (i Info) Changed() time.Time { return time.Unix(i.stat.Ctim.Unix()) }

// Name and the methods below are those of [fs.FileInfo].
func (i Info) Name() string       { return i.name }
func (i Info) Size() int64        { return i.stat.Size }
func (i Info) IsDir() bool        { return i.Mode().IsDir() }
func (i Info) ModTime() time.Time { return time.Unix(i.stat.Mtim.Unix()) }

// Sys returns a *unix.Stat_t.
func (i Info) Sys() any { return &i.stat }

// Mode returns permissions, type and the sticky bit.
func (i Info) Mode() fs.FileMode {
	bits := uint32(i.stat.Mode)
	mode := fs.FileMode(bits & 0o777)
	if bits&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	switch bits & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeDevice
	}
	return mode
}
