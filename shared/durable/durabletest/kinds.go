package durabletest

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"
)

// kindOfCall is a system call that takes paths.
type kindOfCall struct {
	nr    uint64
	name  string
	paths []pathArg
}

// pathArg says where among a call's arguments a path is.
type pathArg struct {
	dir    int // the descriptor that it starts from, or none
	path   int
	socket bool // it is in an address
	last   lastComponent
}

const none = -1

// ioUring lets a program make calls that a tracer does not see.
const ioUring = "io_uring_setup"

// lastComponent tells whether a call follows a link in the last component of its
// path, and the flags that say so.
type lastComponent func(p process, args [6]uint64) (follows bool, flags string)

func follow(process, [6]uint64) (bool, string)   { return true, "" }
func noFollow(process, [6]uint64) (bool, string) { return false, "" }

type flag struct {
	bits uint64
	name string
}

func (f flag) in(bits uint64) bool { return bits&f.bits == f.bits }

func shown(bits uint64, flags ...flag) string {
	var names []string
	for _, f := range flags {
		if f.in(bits) {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, "|")
}

var (
	atNoFollow   = flag{unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"}
	atFollow     = flag{unix.AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"}
	atEmpty      = flag{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}
	umNoFollow   = flag{unix.UMOUNT_NOFOLLOW, "UMOUNT_NOFOLLOW"}
	inNoFollow   = flag{unix.IN_DONT_FOLLOW, "IN_DONT_FOLLOW"}
	fanNoFollow  = flag{unix.FAN_MARK_DONT_FOLLOW, "FAN_MARK_DONT_FOLLOW"}
	pickNoFollow = flag{unix.FSPICK_SYMLINK_NOFOLLOW, "FSPICK_SYMLINK_NOFOLLOW"}
	moveFrom     = flag{unix.MOVE_MOUNT_F_SYMLINKS, "MOVE_MOUNT_F_SYMLINKS"}
	moveTo       = flag{unix.MOVE_MOUNT_T_SYMLINKS, "MOVE_MOUNT_T_SYMLINKS"}

	openFlags = []flag{
		{unix.O_WRONLY, "O_WRONLY"}, {unix.O_RDWR, "O_RDWR"}, {unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"},
		{unix.O_TRUNC, "O_TRUNC"}, {unix.O_DIRECTORY, "O_DIRECTORY"}, {unix.O_TMPFILE, "O_TMPFILE"},
		{unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_PATH, "O_PATH"},
	}
	resolveFlags = []flag{
		{unix.RESOLVE_BENEATH, "RESOLVE_BENEATH"}, {unix.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"},
		{unix.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"}, {unix.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"},
	}
)

// unless is for calls that follow a link unless a flag is set in that argument.
func unless(arg int, f flag) lastComponent {
	return func(_ process, args [6]uint64) (bool, string) {
		return !f.in(args[arg]), shown(args[arg], f, atEmpty)
	}
}

// where is for calls that follow a link where a flag is set in that argument.
func where(arg int, f flag) lastComponent {
	return func(_ process, args [6]uint64) (bool, string) {
		return f.in(args[arg]), shown(args[arg], f, atEmpty)
	}
}

// opened is for calls with the flags of open(2) in that argument.
func opened(arg int) lastComponent {
	return func(_ process, args [6]uint64) (bool, string) {
		return openFollows(args[arg]), shown(args[arg], openFlags...)
	}
}

func openFollows(flags uint64) bool {
	const exclusive = unix.O_CREAT | unix.O_EXCL
	return flags&unix.O_NOFOLLOW == 0 && flags&exclusive != exclusive
}

// openedAs reads the struct open_how of openat2(2).
func openedAs(p process, args [6]uint64) (follows bool, flags string) {
	how := append(p.read(args[2], 24), make([]byte, 24)...)
	bits, resolve := binary.NativeEndian.Uint64(how), binary.NativeEndian.Uint64(how[16:])
	flags = strings.Trim(shown(bits, openFlags...)+"|"+shown(resolve, resolveFlags...), "|")
	return openFollows(bits) && resolve&unix.RESOLVE_NO_SYMLINKS == 0, flags
}

// at is a path that starts from a descriptor, plain one that has none.
func at(dir, path int, last lastComponent) pathArg { return pathArg{dir: dir, path: path, last: last} }
func plain(path int, last lastComponent) pathArg   { return at(none, path, last) }

func one(nr uint64, name string, path pathArg) kindOfCall {
	return kindOfCall{nr, name, []pathArg{path}}
}

func two(nr uint64, name string, from, to pathArg) kindOfCall {
	return kindOfCall{nr, name, []pathArg{from, to}}
}

// everywhere are the calls that all architectures have: those of strace's class
// %file, in their order there as far as it goes, and sockets with a path.
var everywhere = []kindOfCall{
	one(unix.SYS_OPENAT, "openat", at(0, 1, opened(2))),
	one(unix.SYS_OPENAT2, "openat2", at(0, 1, openedAs)),
	one(unix.SYS_STATX, "statx", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_READLINKAT, "readlinkat", at(0, 1, noFollow)),
	one(unix.SYS_MKDIRAT, "mkdirat", at(0, 1, noFollow)),
	one(unix.SYS_MKNODAT, "mknodat", at(0, 1, noFollow)),
	one(unix.SYS_UNLINKAT, "unlinkat", at(0, 1, noFollow)),
	two(unix.SYS_RENAMEAT, "renameat", at(0, 1, noFollow), at(2, 3, noFollow)),
	two(unix.SYS_RENAMEAT2, "renameat2", at(0, 1, noFollow), at(2, 3, noFollow)),
	two(unix.SYS_LINKAT, "linkat", at(0, 1, where(4, atFollow)), at(2, 3, noFollow)),
	one(unix.SYS_SYMLINKAT, "symlinkat", at(1, 2, noFollow)), // the first argument is text
	one(unix.SYS_FCHMODAT, "fchmodat", at(0, 1, follow)),
	one(unix.SYS_FCHMODAT2, "fchmodat2", at(0, 1, unless(3, atNoFollow))),
	one(unix.SYS_FCHOWNAT, "fchownat", at(0, 1, unless(4, atNoFollow))),
	one(unix.SYS_UTIMENSAT, "utimensat", at(0, 1, unless(3, atNoFollow))),
	one(unix.SYS_FACCESSAT, "faccessat", at(0, 1, follow)),
	one(unix.SYS_FACCESSAT2, "faccessat2", at(0, 1, unless(3, atNoFollow))),
	one(unix.SYS_TRUNCATE, "truncate", plain(0, follow)),
	one(unix.SYS_STATFS, "statfs", plain(0, follow)),
	one(unix.SYS_CHDIR, "chdir", plain(0, follow)),
	one(unix.SYS_CHROOT, "chroot", plain(0, follow)),
	one(unix.SYS_EXECVE, "execve", plain(0, follow)),
	one(unix.SYS_EXECVEAT, "execveat", at(0, 1, unless(4, atNoFollow))),
	one(unix.SYS_GETXATTR, "getxattr", plain(0, follow)),
	one(unix.SYS_SETXATTR, "setxattr", plain(0, follow)),
	one(unix.SYS_LISTXATTR, "listxattr", plain(0, follow)),
	one(unix.SYS_REMOVEXATTR, "removexattr", plain(0, follow)),
	one(unix.SYS_LGETXATTR, "lgetxattr", plain(0, noFollow)),
	one(unix.SYS_LSETXATTR, "lsetxattr", plain(0, noFollow)),
	one(unix.SYS_LLISTXATTR, "llistxattr", plain(0, noFollow)),
	one(unix.SYS_LREMOVEXATTR, "lremovexattr", plain(0, noFollow)),
	one(unix.SYS_GETXATTRAT, "getxattrat", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_SETXATTRAT, "setxattrat", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_LISTXATTRAT, "listxattrat", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_REMOVEXATTRAT, "removexattrat", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_FILE_GETATTR, "file_getattr", at(0, 1, unless(4, atNoFollow))),
	one(unix.SYS_FILE_SETATTR, "file_setattr", at(0, 1, unless(4, atNoFollow))),
	one(unix.SYS_INOTIFY_ADD_WATCH, "inotify_add_watch", plain(1, unless(2, inNoFollow))),
	one(unix.SYS_FANOTIFY_MARK, "fanotify_mark", at(3, 4, unless(1, fanNoFollow))),
	one(unix.SYS_NAME_TO_HANDLE_AT, "name_to_handle_at", at(0, 1, where(4, atFollow))),
	two(unix.SYS_MOUNT, "mount", plain(0, follow), plain(1, follow)),
	one(unix.SYS_UMOUNT2, "umount2", plain(0, unless(1, umNoFollow))),
	one(unix.SYS_OPEN_TREE, "open_tree", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_OPEN_TREE_ATTR, "open_tree_attr", at(0, 1, unless(2, atNoFollow))),
	one(unix.SYS_FSPICK, "fspick", at(0, 1, unless(2, pickNoFollow))),
	two(unix.SYS_MOVE_MOUNT, "move_mount", at(0, 1, where(4, moveFrom)), at(2, 3, where(4, moveTo))),
	one(unix.SYS_MOUNT_SETATTR, "mount_setattr", at(0, 1, unless(2, atNoFollow))),
	two(unix.SYS_PIVOT_ROOT, "pivot_root", plain(0, follow), plain(1, follow)),
	one(unix.SYS_SWAPON, "swapon", plain(0, follow)),
	one(unix.SYS_SWAPOFF, "swapoff", plain(0, follow)),
	one(unix.SYS_ACCT, "acct", plain(0, follow)),
	one(unix.SYS_QUOTACTL, "quotactl", plain(1, follow)),
	one(unix.SYS_BIND, "bind", pathArg{dir: none, path: 1, socket: true, last: noFollow}),
	one(unix.SYS_CONNECT, "connect", pathArg{dir: none, path: 1, socket: true, last: follow}),
	{nr: unix.SYS_IO_URING_SETUP, name: ioUring},
}

// kindsOfCall are all calls with paths, by number.
var kindsOfCall = func() map[uint64]kindOfCall {
	all := make(map[uint64]kindOfCall)
	for _, list := range [][]kindOfCall{everywhere, ofThisMachine} {
		for _, k := range list {
			all[k.nr] = k
		}
	}
	return all
}()
