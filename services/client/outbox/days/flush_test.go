package days

import (
	"os"

	"sealpost/shared/durable"
)

// eachByItself is a Flush with one fsync(2) for each file and each directory.
func eachByItself(files []*os.File, dirs []*durable.Dir) error {
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	for _, d := range dirs {
		if err := d.Sync(); err != nil {
			return err
		}
	}
	return nil
}
