package local

import (
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
)

// names says which names the log file of a recorded message has: that in staging,
// which it had first, its final one, or, where names are given by link and unlink and a
// crash came between, both.
type names struct{ staged, named bool }

// locate changes nothing. A *ForeignFileError: something else has the final name, or the
// place of the shard directory.
func locate(stores *engine.Stores, staged string, e logfile.Entry) (at names, err error) {
	if _, at.staged, err = disk.Size(stores.Volume.Path(staged)); err != nil {
		return at, err
	}
	free, err := stores.IsFree(e.File)
	if err != nil {
		return at, err
	}
	at.named = !free
	if !at.staged || !at.named {
		return at, nil
	}
	same, err := stores.Volume.SameFile(staged, disk.LogsDir+"/"+e.File)
	if err == nil && !same {
		err = &ForeignFileError{Name: e.File}
	}
	return at, err
}
