package engine

import (
	"time"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// FileSizes returns the sizes of the logbook's own files, in bytes; one that cannot be looked at is
// left out.
func (e *Engine) FileSizes() map[string]int64 {
	sizes := make(map[string]int64)
	for name, path := range map[string]string{
		"manifest": manifest.Path, "tree": merkle.Path, "index": index.Path, "records": wal.Path,
	} {
		if size, there, err := disk.Size(e.stores.Volume.Path(path)); err == nil && there {
			sizes[name] = size
		}
	}
	return sizes
}

// ReceivedAt returns when a message that is kept was received. It reads the manifest, some 64 KiB
// of it.
func (e *Engine) ReceivedAt(number uint64) (at time.Time, err error) {
	err = e.stores.Manifest.Each(numbers.One(number), func(entry logfile.Entry) error {
		at = entry.ReceivedAt
		return nil
	})
	return at, err
}
