package disk

import (
	"os"
	"testing"
)

// What is announced as a flush is one: the kernel refuses it where there is
// nothing to flush, or no file any more.
func TestFlushesAreReal(t *testing.T) {
	closed, err := os.Open(t.TempDir())
	check(t, err)
	check(t, closed.Close())
	pipe, other, err := os.Pipe()
	check(t, err)
	t.Cleanup(func() { _, _ = pipe.Close(), other.Close() })
	vol := New("/proc")
	vol.root = closed
	for name, err := range map[string]error{
		"of a pipe": vol.Sync(pipe, "pipe"), "of the names in /proc": vol.SyncDir(""),
		"of a file system that was let go": vol.SyncFS(), "of what a pipe wrote back": vol.Written(pipe, "pipe"),
	} {
		if err == nil {
			t.Errorf("a flush %s said that all is well", name)
		}
	}
}
