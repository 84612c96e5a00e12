package durabletest

import "golang.org/x/sys/unix"

var triesHere = []try{
	atForm(unix.SYS_NEWFSTATAT, nil, words{0, 0}, "newfstatat", true, ""),
	atForm(unix.SYS_NEWFSTATAT, nil, words{0, noLink}, "newfstatat", false, "AT_SYMLINK_NOFOLLOW"),
	atForm(unix.SYS_FUTIMESAT, nil, nil, "futimesat", true, ""),
	plainForm(unix.SYS_OPEN, nil, nil, "open", true, ""),
	plainForm(unix.SYS_OPEN, nil, words{unix.O_NOFOLLOW}, "open", false, "O_NOFOLLOW"),
	plainForm(unix.SYS_CREAT, nil, nil, "creat", true, ""),
	plainForm(unix.SYS_STAT, nil, nil, "stat", true, ""),
	plainForm(unix.SYS_LSTAT, nil, nil, "lstat", false, ""),
	plainForm(unix.SYS_ACCESS, nil, nil, "access", true, ""),
	plainForm(unix.SYS_READLINK, nil, nil, "readlink", false, ""),
	twoPlains(unix.SYS_RENAME, "rename", false),
	twoPlains(unix.SYS_LINK, "link", false),
	{unix.SYS_SYMLINK, func(c *caller) words { return words{c.path("text"), c.path(c.root + "/missing/x")} },
		[]string{line("symlink", FromTop, 2, false, "")}},
	plainForm(unix.SYS_UNLINK, nil, nil, "unlink", false, ""),
	plainForm(unix.SYS_MKDIR, nil, nil, "mkdir", false, ""),
	plainForm(unix.SYS_RMDIR, nil, nil, "rmdir", false, ""),
	plainForm(unix.SYS_MKNOD, nil, words{unix.S_IFIFO}, "mknod", false, ""),
	plainForm(unix.SYS_CHMOD, nil, nil, "chmod", true, ""),
	plainForm(unix.SYS_CHOWN, nil, nil, "chown", true, ""),
	plainForm(unix.SYS_LCHOWN, nil, nil, "lchown", false, ""),
	plainForm(unix.SYS_UTIME, nil, nil, "utime", true, ""),
	plainForm(unix.SYS_UTIMES, nil, nil, "utimes", true, ""),
	plainForm(unix.SYS_USELIB, nil, nil, "uselib", true, ""),
}
