package shared

import (
	"errors"
	"io/fs"

	"sealpost/shared/durable"
)

// Copied reports whether a state directory is a copy of what is shared.
func Copied(dir *durable.Dir) (bool, error) {
	_, err := dir.Lstat(revisionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
