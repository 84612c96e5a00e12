package durable

import (
	"os"
	"syscall"
)

// KeepOwner stands for "leave the user or group as it is" in WriteFileOwner.
const KeepOwner = -1

// OwnerIn returns to whom belongs what a program makes in dir. Run as root it
// leaves that to the owner of dir, who could otherwise neither read nor remove
// it; for any other user it is KeepOwner. The error is that of looking at dir.
func OwnerIn(dir string) (uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return KeepOwner, KeepOwner, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return KeepOwner, KeepOwner, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return int(owner.Uid), int(owner.Gid), nil
}
