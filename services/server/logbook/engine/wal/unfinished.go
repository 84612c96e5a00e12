package wal

import "sealpost/services/server/logbook/engine/disk"

// unfinished stands where the records belong on a volume that is being copied to.
const unfinished = "a copy that is not finished\n"

// errUnfinished is a *disk.CorruptError: nobody takes such a volume for a logbook,
// and no acceptance makes it one.
var errUnfinished error = &disk.CorruptError{
	File:   Path,
	Reason: "the volume is a copy that was not finished",
	Remedy: "take the copy away, and make it again: server copy DIR",
}

// Bar keeps everybody from taking the volume for a logbook until Start gives it
// records.
func Bar(vol *disk.Volume) error {
	if err := vol.ReplaceWith(newPath, Path, 0o600, []byte(unfinished)); err != nil {
		return err
	}
	return vol.SyncDir(disk.StagingDir)
}
