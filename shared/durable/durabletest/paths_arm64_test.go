package durabletest

import "golang.org/x/sys/unix"

var triesHere = []try{
	atForm(unix.SYS_NEWFSTATAT, nil, words{0, 0}, "newfstatat", true, ""),
	atForm(unix.SYS_NEWFSTATAT, nil, words{0, noLink}, "newfstatat", false, "AT_SYMLINK_NOFOLLOW"),
}
