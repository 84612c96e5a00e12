//go:build !386

package durabletest

import "golang.org/x/sys/unix"

// sysFtruncate is the call by which Go cuts an open file.
const sysFtruncate = unix.SYS_FTRUNCATE

// offset64 is an offset in a file, which one argument holds.
func offset64(low, _ uint64) int64 { return int64(low) }
