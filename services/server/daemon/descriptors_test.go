package daemon

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook/local/room"
)

// Connections, files and the server's own never come to more than there are
// descriptors, down to a number with which nothing goes.
func TestAllot(t *testing.T) {
	set := intake.Limits{}.WithDefaults()
	for _, c := range []struct{ descriptors, connections, perAddress, files int }{
		{1 << 20, 4096, 1024, room.MostFiles},
		{ownDescriptors + 4096 + room.MostFiles, 4096, 1024, room.MostFiles},
		{ownDescriptors + 4096 + room.MostFiles - 1, 4096, 1024, room.MostFiles - 1},
		{1023, 720, 180, 239},
		{255, 144, 36, 47},
		{ownDescriptors + leastFiles + 1, 1, 1, leastFiles},
		{10, 1, 1, leastFiles},
	} {
		l, files := allot(c.descriptors, set)
		if l.Connections != c.connections || l.ConnectionsPerAddress != c.perAddress || files != c.files {
			t.Errorf("of %d descriptors: %d connections, %d of an address, %d files", c.descriptors, l.Connections,
				l.ConnectionsPerAddress, files)
		}
		if c.descriptors > ownDescriptors+leastFiles && l.Connections+files+ownDescriptors > c.descriptors {
			t.Errorf("more than %d descriptors", c.descriptors)
		}
	}
}

// Limits that are far above what can be had are shared out as any others, also
// where an int has 32 bits.
func TestAllotOfLargeLimits(t *testing.T) {
	l, _ := allot(1<<17, intake.Limits{Connections: 1 << 20, ConnectionsPerAddress: 1 << 19})
	if l.ConnectionsPerAddress != l.Connections/2 {
		t.Errorf("%d of %d connections for an address", l.ConnectionsPerAddress, l.Connections)
	}
}

// Go has raised the soft limit of this process to the hard one, but for one.
func TestSoftLimitIsRaised(t *testing.T) {
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if n, err := descriptorLimit(); err != nil || limit.Cur+1 < limit.Max || n != int(min(limit.Cur, 1<<30)) {
		t.Errorf("%d of %d, hard %d: %v", n, limit.Cur, limit.Max, err)
	}
	if open, err := openDescriptors(); err != nil || open < 3 {
		t.Errorf("%d are open: %v", open, err)
	}
	if err := checkDescriptors(); err != nil {
		t.Error(err)
	}
}

// What is left of the limit decides, and not how many are open.
func TestReserveIsTouched(t *testing.T) {
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	open, err := openDescriptors()
	must(t, err)
	for left, want := range map[int]error{spareDescriptors / 2: unix.EMFILE, spareDescriptors * 2: nil} {
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(open + left), Max: before.Max}))
		if err := checkDescriptors(); !errors.Is(err, want) {
			t.Errorf("with %d of %d left: %v, want %v", left, open+left, err, want)
		}
	}
}
