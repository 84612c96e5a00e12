package durabletest

import (
	goflag "flag" // this package has a flag of its own
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// FullDisk has the process write no byte to any file, until end is called: a write fails
// with EFBIG. Call Unlisted before such a test.
func FullDisk(t testing.TB) (end func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		signal.Reset(unix.SIGXFSZ)
	}
}

// Unlisted keeps Go from having a list written of the files that tests open, for its
// cache of results: that would fail on a FullDisk. It is for TestMain, before m.Run.
func Unlisted() {
	goflag.Parse()
	if err := goflag.Set("test.testlogfile", ""); err != nil {
		panic(err)
	}
}
