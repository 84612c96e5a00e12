package group

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

func TestMain(m *testing.M) {
	durabletest.Unlisted()
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
	full := durabletest.FullDisk(t)
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
