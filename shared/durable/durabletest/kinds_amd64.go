package durabletest

import "golang.org/x/sys/unix"

// ofThisMachine are the calls that newer architectures do without.
var ofThisMachine = []kindOfCall{
	one(unix.SYS_NEWFSTATAT, "newfstatat", at(0, 1, unless(3, atNoFollow))),
	one(unix.SYS_FUTIMESAT, "futimesat", at(0, 1, follow)),
	one(unix.SYS_OPEN, "open", plain(0, opened(1))),
	one(unix.SYS_CREAT, "creat", plain(0, follow)),
	one(unix.SYS_STAT, "stat", plain(0, follow)),
	one(unix.SYS_LSTAT, "lstat", plain(0, noFollow)),
	one(unix.SYS_ACCESS, "access", plain(0, follow)),
	one(unix.SYS_READLINK, "readlink", plain(0, noFollow)),
	two(unix.SYS_RENAME, "rename", plain(0, noFollow), plain(1, noFollow)),
	two(unix.SYS_LINK, "link", plain(0, noFollow), plain(1, noFollow)),
	one(unix.SYS_SYMLINK, "symlink", plain(1, noFollow)),
	one(unix.SYS_UNLINK, "unlink", plain(0, noFollow)),
	one(unix.SYS_MKDIR, "mkdir", plain(0, noFollow)),
	one(unix.SYS_RMDIR, "rmdir", plain(0, noFollow)),
	one(unix.SYS_MKNOD, "mknod", plain(0, noFollow)),
	one(unix.SYS_CHMOD, "chmod", plain(0, follow)),
	one(unix.SYS_CHOWN, "chown", plain(0, follow)),
	one(unix.SYS_LCHOWN, "lchown", plain(0, noFollow)),
	one(unix.SYS_UTIME, "utime", plain(0, follow)),
	one(unix.SYS_UTIMES, "utimes", plain(0, follow)),
	one(unix.SYS_USELIB, "uselib", plain(0, follow)),
}
