package durabletest

import "golang.org/x/sys/unix"

// ofThisMachine are the calls that have another number elsewhere.
var ofThisMachine = []kindOfCall{
	one(unix.SYS_NEWFSTATAT, "newfstatat", at(0, 1, unless(3, atNoFollow))),
}
