package durable

import (
	"errors"

	"golang.org/x/sys/unix"
)

func renameNew(fromFD int, from string, toFD int, to string) error {
	err := unix.Renameat2(fromFD, from, toFD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return linkNew(fromFD, from, toFD, to)
	}
	return err
}
