package fit

import (
	"os"
	"path/filepath"
	"slices"

	"sealpost/services/server/logbook/engine/disk"
)

// Holds reports whether a log volume lies in dir, or the beginning of one.
func Holds(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, disk.StagingDir))
	return err == nil
}

// Within reports whether path is in one of the directories that the log volume
// dir has or is to have.
func Within(dir, path string) bool {
	own := []string{resolve(filepath.Join(dir, disk.LogsDir)), resolve(filepath.Join(dir, disk.StagingDir))}
	for path = resolve(path); !slices.Contains(own, path); path = filepath.Dir(path) {
		if path == filepath.Dir(path) {
			return false
		}
	}
	return true
}

// resolve returns the absolute path without links, as far as it exists.
func resolve(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}
