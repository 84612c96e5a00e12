package group

import (
	"errors"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// TestMain keeps Go from having a list written of the files that tests open, for its
// cache of results: that fails while a test has the process write no byte.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.testlogfile", ""); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Records that cannot be written leave nothing: on a disk that is full each try
// would take more of it.
func TestRecordsThatCannotBeWritten(t *testing.T) {
	b := newBox(t)
	g, err := New(b, nothing)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	if err := os.WriteFile(filepath.Join(b.Root.Path(), "name"), []byte("text"), box.FileMode); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Take("name", 4), g.Describe("sender", message.None)); err != nil {
		t.Fatal(err)
	}
	full := limitFiles(t)
	err = g.Anchor(durable.NewFlusher(false, nil))
	full()
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(g.Path())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{lockName, filesDir}; !slices.Equal(names, want) {
		t.Errorf("the group holds %q, want %q", names, want)
	}
}

// limitFiles has the process write no byte to any file, until end is called.
func limitFiles(t *testing.T) (end func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}
