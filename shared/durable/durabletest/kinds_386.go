package durabletest

import "golang.org/x/sys/unix"

// ofThisMachine are those of its own calls that Go's standard library makes.
var ofThisMachine = []kindOfCall{
	one(unix.SYS_FSTATAT64, "fstatat64", at(0, 1, unless(3, atNoFollow))),
	one(unix.SYS_STATFS64, "statfs64", plain(0, follow)),
	one(unix.SYS_TRUNCATE64, "truncate64", plain(0, follow)),
}

// sysFtruncate is the call by which Go cuts an open file.
const sysFtruncate = unix.SYS_FTRUNCATE64

// offset64 is an offset in a file, of which an argument holds half.
func offset64(low, high uint64) int64 { return int64(high<<32 | low&0xffffffff) }
