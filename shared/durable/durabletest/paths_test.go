package durabletest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// caller makes calls by number, with the arguments in the kernel's order, so
// that nothing that Go does for a caller comes between.
type caller struct {
	fd   uintptr // the directory
	root string
	keep [][]byte // what calls point to
}

// path is an argument. The file that it names is in a directory that is not
// there: no call that is tried does anything.
func (c *caller) path(name string) uintptr { return c.bytes(append([]byte(name), 0)) }

func (c *caller) bytes(b []byte) uintptr {
	c.keep = append(c.keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

func (c *caller) socket(path string) uintptr {
	return c.bytes(append([]byte{unix.AF_UNIX, 0}, append([]byte(path), make([]byte, 108-len(path))...)...))
}

// how is a struct open_how.
func (c *caller) how(flags, resolve byte) uintptr {
	b := make([]byte, 24)
	b[2], b[16] = flags, resolve // O_NOFOLLOW and its neighbours are in the third byte
	return c.bytes(b)
}

// try is one call, and what is to be seen of it: a line for each path.
type try struct {
	nr   uintptr
	args func(c *caller) []uintptr
	want []string
}

// atForm is a call whose arguments dir and dir+1 are a descriptor and a path; more
// are those before and behind.
func atForm(nr uintptr, before, behind []uintptr, name string, follows bool, flags string) try {
	return try{nr, func(c *caller) []uintptr {
		return slices.Concat(before, []uintptr{c.fd, c.path("missing/x")}, behind)
	}, []string{line(name, FromOpen, 2, follows, flags)}}
}

func plainForm(nr uintptr, before, behind []uintptr, name string, follows bool, flags string) try {
	return try{nr, func(c *caller) []uintptr {
		return slices.Concat(before, []uintptr{c.path(c.root + "/missing/x")}, behind)
	}, []string{line(name, FromTop, 2, follows, flags)}}
}

func line(name string, from From, steps int, follows bool, flags string) string {
	return PathCall{Name: name, Path: "missing/x", From: from, Steps: steps, Follows: follows, Flags: flags}.line()
}

// line is all of a call but its root.
func (c PathCall) line() string {
	return fmt.Sprintf("%s %s from %s, %d steps, up %t, follows %t, %s", c.Name, c.Path, c.From, c.Steps, c.Up,
		c.Follows, c.Flags)
}

type words = []uintptr

var tries = slices.Concat(tryOpens, tryAts, tryPlains, tryTwos, triesHere)

var tryOpens = []try{
	atForm(unix.SYS_OPENAT, nil, words{0}, "openat", true, ""),
	atForm(unix.SYS_OPENAT, nil, words{unix.O_NOFOLLOW}, "openat", false, "O_NOFOLLOW"),
	atForm(unix.SYS_OPENAT, nil, words{unix.O_CREAT | unix.O_RDWR}, "openat", true, "O_RDWR|O_CREAT"),
	atForm(unix.SYS_OPENAT, nil, words{unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY}, "openat", false,
		"O_WRONLY|O_CREAT|O_EXCL"),
	atForm(unix.SYS_OPENAT, nil, words{unix.O_EXCL}, "openat", true, "O_EXCL"),
	{unix.SYS_OPENAT, func(c *caller) words { return words{^uintptr(99), c.path("missing/x")} },
		[]string{line("openat", FromWorking, 2, true, "")}}, // AT_FDCWD
	{unix.SYS_OPENAT, func(c *caller) words { return words{c.fd, c.path(c.root + "/missing/x")} },
		[]string{line("openat", FromTop, 2, true, "")}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{0, c.path(fmt.Sprintf("/proc/self/fd/%d/missing/x", c.fd))} },
		[]string{line("openat", FromOpen, 2, true, "")}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{c.fd, c.path("x")} },
		[]string{PathCall{Name: "openat", Path: "x", From: FromOpen, Steps: 1, Follows: true}.line()}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{c.fd, c.path("./")} },
		[]string{PathCall{Name: "openat", From: FromOpen}.line()}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{c.fd, c.path("missing/../x")} },
		[]string{PathCall{Name: "openat", Path: "x", From: FromOpen, Steps: 3, Up: true, Follows: true}.line()}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{0, c.path(c.root)} },
		[]string{PathCall{Name: "openat", From: FromTop, Follows: true}.line()}},
	{unix.SYS_OPENAT, func(c *caller) words { return words{0, c.path(filepath.Dir(c.root) + "/link/missing/x")} },
		[]string{line("openat", FromTop, 2, true, "")}}, // by a link to the root
	{unix.SYS_OPENAT, func(c *caller) words { return words{0, c.path(filepath.Dir(c.root) + "/other")} }, nil},
	{unix.SYS_OPENAT2, func(c *caller) words { return words{c.fd, c.path("missing/x"), c.how(0, 0), 24} },
		[]string{line("openat2", FromOpen, 2, true, "")}},
	{unix.SYS_OPENAT2, func(c *caller) words {
		return words{c.fd, c.path("missing/x"), c.how(0, unix.RESOLVE_NO_SYMLINKS), 24}
	},
		[]string{line("openat2", FromOpen, 2, false, "RESOLVE_NO_SYMLINKS")}},
	{unix.SYS_OPENAT2, func(c *caller) words {
		return words{c.fd, c.path("missing/x"), c.how(unix.O_NOFOLLOW>>16, unix.RESOLVE_BENEATH), 24}
	},
		[]string{line("openat2", FromOpen, 2, false, "O_NOFOLLOW|RESOLVE_BENEATH")}},
}

const (
	noLink = unix.AT_SYMLINK_NOFOLLOW
	link   = unix.AT_SYMLINK_FOLLOW
)

var tryAts = []try{
	atForm(unix.SYS_STATX, nil, words{0}, "statx", true, ""),
	atForm(unix.SYS_STATX, nil, words{noLink}, "statx", false, "AT_SYMLINK_NOFOLLOW"),
	{unix.SYS_STATX, func(c *caller) words { return words{c.fd, c.path(""), unix.AT_EMPTY_PATH} },
		[]string{PathCall{Name: "statx", From: FromOpen, Flags: "AT_EMPTY_PATH"}.line()}},
	atForm(unix.SYS_READLINKAT, nil, nil, "readlinkat", false, ""),
	atForm(unix.SYS_MKDIRAT, nil, nil, "mkdirat", false, ""),
	atForm(unix.SYS_MKNODAT, nil, words{unix.S_IFIFO}, "mknodat", false, ""),
	atForm(unix.SYS_UNLINKAT, nil, nil, "unlinkat", false, ""),
	atForm(unix.SYS_SYMLINKAT, words{0}, nil, "symlinkat", false, ""),
	atForm(unix.SYS_FCHMODAT, nil, nil, "fchmodat", true, ""),
	atForm(unix.SYS_FCHMODAT2, nil, words{0, 0}, "fchmodat2", true, ""),
	atForm(unix.SYS_FCHMODAT2, nil, words{0, noLink}, "fchmodat2", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FCHOWNAT, nil, words{0, 0, 0}, "fchownat", true, ""),
	atForm(unix.SYS_FCHOWNAT, nil, words{0, 0, noLink}, "fchownat", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_UTIMENSAT, nil, words{0, 0}, "utimensat", true, ""),
	atForm(unix.SYS_UTIMENSAT, nil, words{0, noLink}, "utimensat", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FACCESSAT, nil, nil, "faccessat", true, ""),
	atForm(unix.SYS_FACCESSAT2, nil, words{0, 0}, "faccessat2", true, ""),
	atForm(unix.SYS_FACCESSAT2, nil, words{0, noLink}, "faccessat2", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_EXECVEAT, nil, words{0, 0, noLink}, "execveat", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_GETXATTRAT, nil, words{0}, "getxattrat", true, ""),
	atForm(unix.SYS_SETXATTRAT, nil, words{0}, "setxattrat", true, ""),
	atForm(unix.SYS_LISTXATTRAT, nil, words{0}, "listxattrat", true, ""),
	atForm(unix.SYS_REMOVEXATTRAT, nil, words{noLink}, "removexattrat", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FILE_GETATTR, nil, words{0, 0, noLink}, "file_getattr", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FILE_SETATTR, nil, words{0, 0, 0}, "file_setattr", true, ""),
	atForm(unix.SYS_FANOTIFY_MARK, words{^uintptr(0), unix.FAN_MARK_DONT_FOLLOW, 0}, nil, "fanotify_mark", false,
		"FAN_MARK_DONT_FOLLOW"),
	atForm(unix.SYS_NAME_TO_HANDLE_AT, nil, words{0, 0, 0}, "name_to_handle_at", false, ""),
	atForm(unix.SYS_NAME_TO_HANDLE_AT, nil, words{0, 0, link}, "name_to_handle_at", true, "AT_SYMLINK_FOLLOW"),
	atForm(unix.SYS_OPEN_TREE, nil, words{0}, "open_tree", true, ""),
	atForm(unix.SYS_OPEN_TREE_ATTR, nil, words{noLink}, "open_tree_attr", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FSPICK, nil, words{unix.FSPICK_SYMLINK_NOFOLLOW}, "fspick", false, "FSPICK_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_MOUNT_SETATTR, nil, words{0}, "mount_setattr", true, ""),
}

var tryPlains = []try{
	plainForm(unix.SYS_TRUNCATE, nil, nil, "truncate", true, ""),
	plainForm(unix.SYS_STATFS, nil, nil, "statfs", true, ""),
	plainForm(unix.SYS_CHDIR, nil, nil, "chdir", true, ""),
	plainForm(unix.SYS_CHROOT, nil, nil, "chroot", true, ""),
	plainForm(unix.SYS_EXECVE, nil, words{0, 0}, "execve", true, ""),
	plainForm(unix.SYS_GETXATTR, nil, nil, "getxattr", true, ""),
	plainForm(unix.SYS_SETXATTR, nil, nil, "setxattr", true, ""),
	plainForm(unix.SYS_LISTXATTR, nil, nil, "listxattr", true, ""),
	plainForm(unix.SYS_REMOVEXATTR, nil, nil, "removexattr", true, ""),
	plainForm(unix.SYS_LGETXATTR, nil, nil, "lgetxattr", false, ""),
	plainForm(unix.SYS_LSETXATTR, nil, nil, "lsetxattr", false, ""),
	plainForm(unix.SYS_LLISTXATTR, nil, nil, "llistxattr", false, ""),
	plainForm(unix.SYS_LREMOVEXATTR, nil, nil, "lremovexattr", false, ""),
	plainForm(unix.SYS_INOTIFY_ADD_WATCH, words{^uintptr(0)}, words{unix.IN_CREATE}, "inotify_add_watch", true, ""),
	plainForm(unix.SYS_INOTIFY_ADD_WATCH, words{^uintptr(0)}, words{unix.IN_CREATE | unix.IN_DONT_FOLLOW},
		"inotify_add_watch", false, "IN_DONT_FOLLOW"),
	plainForm(unix.SYS_UMOUNT2, nil, words{unix.UMOUNT_NOFOLLOW}, "umount2", false, "UMOUNT_NOFOLLOW"),
	plainForm(unix.SYS_SWAPON, nil, nil, "swapon", true, ""),
	plainForm(unix.SYS_SWAPOFF, nil, nil, "swapoff", true, ""),
	plainForm(unix.SYS_ACCT, nil, nil, "acct", true, ""),
	plainForm(unix.SYS_QUOTACTL, words{0}, nil, "quotactl", true, ""),
	{unix.SYS_BIND, func(c *caller) words { return words{^uintptr(0), c.socket(c.root + "/missing/x"), 110} },
		[]string{line("bind", FromTop, 2, false, "")}},
	{unix.SYS_CONNECT, func(c *caller) words { return words{^uintptr(0), c.socket(c.root + "/missing/x"), 110} },
		[]string{line("connect", FromTop, 2, true, "")}},
	{unix.SYS_INOTIFY_ADD_WATCH,
		func(c *caller) words { return words{^uintptr(0), c.path(fmt.Sprintf("/proc/self/fd/%d", c.fd))} },
		[]string{PathCall{Name: "inotify_add_watch", From: FromOpen}.line()}},
}

func twoAts(nr uintptr, flags uintptr, name string, follows [2]bool, shown [2]string) try {
	return try{nr, func(c *caller) words {
		return words{c.fd, c.path("missing/x"), ^uintptr(99), c.path("missing/x"), flags}
	}, []string{line(name, FromOpen, 2, follows[0], shown[0]), line(name, FromWorking, 2, follows[1], shown[1])}}
}

func twoPlains(nr uintptr, name string, follows bool) try {
	return try{nr, func(c *caller) words { return words{c.path(c.root + "/missing/x"), c.path(c.root + "/missing/x")} },
		[]string{line(name, FromTop, 2, follows, ""), line(name, FromTop, 2, follows, "")}}
}

var tryTwos = []try{
	twoAts(unix.SYS_RENAMEAT, 0, "renameat", [2]bool{}, [2]string{}),
	twoAts(unix.SYS_RENAMEAT2, 0, "renameat2", [2]bool{}, [2]string{}),
	twoAts(unix.SYS_LINKAT, 0, "linkat", [2]bool{}, [2]string{}),
	twoAts(unix.SYS_LINKAT, link, "linkat", [2]bool{true, false}, [2]string{"AT_SYMLINK_FOLLOW", ""}),
	twoAts(unix.SYS_MOVE_MOUNT, unix.MOVE_MOUNT_T_SYMLINKS, "move_mount", [2]bool{false, true},
		[2]string{"", "MOVE_MOUNT_T_SYMLINKS"}),
	twoPlains(unix.SYS_MOUNT, "mount", true),
	twoPlains(unix.SYS_PIVOT_ROOT, "pivot_root", true),
}

// calls prepares the tries for a directory, which is the working directory too.
func calls(root string) (c *caller, err error) {
	fd, err := unix.Open(root, unix.O_DIRECTORY|unix.O_PATH, 0)
	return &caller{fd: uintptr(fd), root: root}, err
}

// started is the path of which a call says that the tries begin.
const started = "begin"

func makeCalls(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	c, err := calls(root)
	if err != nil {
		return err
	}
	_, _ = os.Lstat(started)
	for _, t := range tries {
		var args [6]uintptr
		copy(args[:], t.args(c))
		_, _, errno := syscall.Syscall6(t.nr, args[0], args[1], args[2], args[3], args[4], args[5])
		if errno == 0 && t.want != nil && strings.Contains(t.want[0], "missing/x") {
			return fmt.Errorf("%s did something", t.want[0])
		}
	}
	return nil
}

// TestEveryPathCallIsSeen makes every call of the list, in the forms that count.
func TestEveryPathCallIsSeen(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("root", filepath.Join(filepath.Dir(root), "link")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), pathsEnv+"="+root)
	cmd.Stderr = os.Stderr
	seen, state := PathCalls(t, cmd, Watch{Roots: []string{root}})
	if state.ExitStatus() != 0 {
		t.Fatalf("status %v", state)
	}
	begin := slices.IndexFunc(seen, func(c PathCall) bool { return c.Path == started })
	var got, want []string
	for _, c := range seen[begin+1:] {
		got = append(got, c.line())
	}
	for _, try := range tries {
		want = append(want, try.want...)
	}
	got, want = append(got, "the end"), append(want, "the end")
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("call %d: %s\nwant %s", i, got[i], want[i])
		}
	}
	t.Logf("%d calls, %d paths\n%s", len(tries), len(got), PathTable(seen))
}

func TestEveryPathCallIsTried(t *testing.T) {
	untried := maps.Clone(kindsOfCall)
	for _, try := range tries {
		delete(untried, uint64(try.nr))
	}
	delete(untried, unix.SYS_IO_URING_SETUP) // has no path; TestBreaches
	for _, k := range untried {
		t.Errorf("%s is not tried", k.name)
	}
}

func TestBreaches(t *testing.T) {
	whole := PathCall{Name: "openat", Path: "x", From: FromOpen, Steps: 1}
	for breach, change := range map[string]func(c *PathCall){
		"":                                 func(*PathCall) {},
		"walks from /":                     func(c *PathCall) { c.From = FromTop },
		"walks from the working directory": func(c *PathCall) { c.From = FromWorking },
		"walks up":                         func(c *PathCall) { c.Up = true },
		"walks 2 components":               func(c *PathCall) { c.Steps = 2 },
		"follows a link":                   func(c *PathCall) { c.Follows = true },
		"calls behind it are not seen":     func(c *PathCall) { c.Name = ioUring },
	} {
		c := whole
		if change(&c); c.Breach() != breach {
			t.Errorf("%v: %q, want %q", c, c.Breach(), breach)
		}
	}
}

func TestKilledAtACall(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), traceEnv+"="+dir)
	_, state := PathCalls(t, cmd, Watch{
		Roots: []string{dir},
		Kill:  func(c PathCall) bool { return c.Path == "b" },
	})
	if !state.Signaled() || state.Signal() != syscall.SIGKILL {
		t.Errorf("status %v", state)
	}
	if _, err := os.Stat(filepath.Join(dir, "sub/a")); err != nil {
		t.Errorf("the call at which it was killed was made: %v", err)
	}
}
