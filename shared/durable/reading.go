package durable

import (
	"os"

	"sealpost/shared/bounded"
)

// ReadFile reads a regular file of at most most bytes: ErrNotRegular and
// bounded.ErrTooLong.
func (d *Dir) ReadFile(name string, most int64) ([]byte, error) {
	return d.ReadFileIf(name, most, func(*os.File) error { return nil })
}

// ReadFileIf is ReadFile, but first gives the open file to check, whose error it
// returns.
func (d *Dir) ReadFileIf(name string, most int64, check func(*os.File) error) ([]byte, error) {
	f, err := d.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := check(f); err != nil {
		return nil, err
	}
	return bounded.ReadAll(f, most)
}
