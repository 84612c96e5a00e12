package durabletest

import "golang.org/x/sys/unix"

var triesHere = []try{
	atForm(unix.SYS_FSTATAT64, nil, words{0, 0}, "fstatat64", true, ""),
	atForm(unix.SYS_FSTATAT64, nil, words{0, noLink}, "fstatat64", false, "AT_SYMLINK_NOFOLLOW"),
	plainForm(unix.SYS_STATFS64, nil, nil, "statfs64", true, ""),
	plainForm(unix.SYS_TRUNCATE64, nil, nil, "truncate64", true, ""),
}
