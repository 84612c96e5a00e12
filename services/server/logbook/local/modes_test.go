package local

import (
	"io/fs"
	"os"
	"testing"
)

// Directories that an earlier start left with other modes get those that their
// readers need.
func TestPrepareModes(t *testing.T) {
	v := &volume{dir: t.TempDir(), step: noFault}
	for dir, mode := range map[string]fs.FileMode{logsDir: 0o700, stagingDir: 0o755} {
		check(t, os.Mkdir(v.path(dir), mode))
		check(t, os.Chmod(v.path(dir), mode))
	}
	check(t, v.prepare())
	for dir, want := range map[string]fs.FileMode{logsDir: 0o755, stagingDir: 0o700} {
		info, err := os.Stat(v.path(dir))
		check(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v", dir, info.Mode().Perm(), want)
		}
	}
}
