package ready

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writersOf asks for a read lease, which a file that is open for writing on this
// machine does not give. Only root gets one on the file of another user, and some
// file systems have none. Closing the file ends the lease.
func writersOf(f *os.File) writers {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		return noWriter
	case errors.Is(err, unix.EAGAIN):
		return someWriter
	}
	return unknownWriters
}
