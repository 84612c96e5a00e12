package daemon

import (
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local/room"
)

const (
	// ownDescriptors are for everything but connections and the files of
	// messages: ports, state, the logbook's own files, the admin port's
	// connections. Half of them are in use.
	ownDescriptors = 64
	// spareDescriptors are left of those. With fewer a file may fail to open that
	// the logbook needs.
	spareDescriptors = 16
	// leastFiles are for the files of messages, however low the limit is.
	leastFiles = 16
)

// allot shares out as many descriptors as the process may have. Where they are
// too few for the limits that are set, the files of messages on their way in get
// a quarter, and fewer connections are taken, in all and of one address.
func allot(descriptors int, l intake.Limits) (_ intake.Limits, files int) {
	rest := max(0, descriptors-ownDescriptors)
	files = max(leastFiles, min(room.MostFiles, max(rest/4, rest-l.Connections)))
	connections := min(l.Connections, max(1, rest-files))
	// An int may have 32 bits, too few for the product.
	l.ConnectionsPerAddress = max(1, int(int64(l.ConnectionsPerAddress)*int64(connections)/int64(l.Connections)))
	l.Connections = connections
	return l, files
}

// allotted is allot for this process. The Go runtime has raised the soft limit
// to the hard one, less one, before any of this runs, and gives child processes
// the one of before.
func allotted(set intake.Limits, log zerolog.Logger) (_ intake.Limits, files int, err error) {
	descriptors, err := descriptorLimit()
	if err != nil {
		return set, 0, err
	}
	set = set.WithDefaults()
	l, files := allot(descriptors, set)
	if l.Connections < set.Connections || descriptors < ownDescriptors+leastFiles {
		log.Warn().Int("descriptors", descriptors).Int("SERVER_MAX_CONNECTIONS", set.Connections).
			Int("connections", l.Connections).Int("per_address", l.ConnectionsPerAddress).Int("files", files).
			Str("hint", "raise the limit of open files, or set SERVER_MAX_CONNECTIONS lower").
			Msg("the limit of open files is too low for the limits that are set: fewer connections are taken")
	}
	return l, files, nil
}

// descriptorLimit is how many descriptors the process may have open.
func descriptorLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	const most = 1 << 30 // the kernel has no more, and an int of 32 bits holds it
	return int(min(limit.Cur, most)), nil
}

// checkDescriptors says that the logbook's reserve of descriptors is touched. By
// the allotment it never is: something else has them, or the limit was lowered
// since.
func checkDescriptors() error {
	limit, err := descriptorLimit()
	if err != nil {
		return err
	}
	open, err := openDescriptors()
	if errors.Is(err, unix.EMFILE) || err == nil && open+spareDescriptors > limit {
		return fmt.Errorf("fewer than %d of the process's %d file descriptors are left: %w", spareDescriptors,
			limit, unix.EMFILE)
	}
	return nil // without /proc nobody can tell
}

// openDescriptors counts by proc(5): since Linux 6.2 the directory's size is
// their number.
func openDescriptors() (int, error) {
	const dir = "/proc/self/fd"
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	if info.Size() > 0 {
		return int(info.Size()), nil
	}
	names, err := os.ReadDir(dir)
	return len(names), err
}
