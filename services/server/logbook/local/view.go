package local

import (
	"errors"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/logfile"
)

// View gives visit the entries in the manifest of the volume dir, in order, also beside
// the server that writes to it: none where there is no manifest yet. It changes nothing
// and judges nothing.
func View(dir string, visit func(logfile.Entry) error) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	m, err := manifest.View(disk.New(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	_, err = m.Scan(manifest.Position{}, 0, func(_ manifest.Place, e logfile.Entry, _ []byte) error { return visit(e) })
	return err
}
