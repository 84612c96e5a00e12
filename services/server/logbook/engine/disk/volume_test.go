package disk

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Directories that an earlier start left with other modes get those that their
// readers need.
func TestPrepareModes(t *testing.T) {
	v := New(t.TempDir())
	for dir, mode := range map[string]fs.FileMode{LogsDir: 0o700, StagingDir: 0o755} {
		check(t, os.Mkdir(v.Path(dir), mode))
		check(t, os.Chmod(v.Path(dir), mode))
	}
	check(t, v.Prepare())
	for dir, want := range map[string]fs.FileMode{LogsDir: 0o755, StagingDir: 0o700} {
		info, err := os.Stat(v.Path(dir))
		check(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v", dir, info.Mode().Perm(), want)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Where names are given by link and unlink, a file whose first name stays behind has
// its final one all the same: a try that starts again would find it in its own place.
func TestPublishByLink(t *testing.T) {
	v := NewWithSeams(t.TempDir(), Seams{Fault: func(s Step) error {
		if s.Op == OpRemove {
			return unix.EIO
		}
		return nil
	}})
	check(t, v.Prepare())
	const staged, final = StagingDir + "/" + StagedPrefix + "1", LogsDir + "/final"
	f, err := v.CreateFile(staged)
	check(t, err)
	defer func() { _ = f.Close() }()
	if err := v.publishByLink(staged, final); err != nil {
		t.Error(err)
	}
	if free, err := v.IsFree(final); free || err != nil {
		t.Errorf("it has no final name: %v", err)
	}
	if err := v.publishByLink(staged, final); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was replaced: %v", err)
	}
}
