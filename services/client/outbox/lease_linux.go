package outbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writersOf asks for a read lease, which a file that is open for writing on this
// machine does not give. There is none to be had on the file of another user, but
// for root, and on some file systems. Closing the file ends the lease.
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
