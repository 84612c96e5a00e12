package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles are descriptors for everything in a process but its connections.
const spareFiles = 500

// errFiles means that the limit of open files cannot be raised.
var errFiles = errors.New("too few open files are allowed")

// needFiles raises the limit of open files of this process, and of those that
// it starts, to what a number of connections needs.
func needFiles(connections int) error {
	need := uint64(connections + spareFiles)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= need {
		return nil
	}
	limit.Cur, limit.Max = need, max(need, limit.Max) // beyond Max only root may go
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%w: %d are needed; raise the hard limit (ulimit -Hn): %w", errFiles, need, err)
	}
	return nil
}
