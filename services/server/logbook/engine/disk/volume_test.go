package disk

import (
	"io/fs"
	"os"
	"testing"
)

// Directories that an earlier start left with other modes get those that their
// readers need.
func TestPrepareModes(t *testing.T) {
	v := New(t.TempDir(), nil)
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
