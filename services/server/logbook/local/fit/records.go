package fit

import (
	"fmt"
	"path/filepath"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/logfile"
)

// ParseRecords returns the manifest lines of records that begin behind so many
// messages. A *disk.CorruptError means that they contradict themselves.
func ParseRecords(base uint64, recs []wal.Record) ([]logfile.Entry, error) {
	entries := make([]logfile.Entry, len(recs))
	for i, r := range recs {
		e, err := logfile.ParseLine([]byte(r.Line))
		if err != nil {
			return nil, disk.Corrupt(wal.Path, err.Error())
		}
		if filepath.Dir(r.Staged) != disk.StagingDir {
			return nil, disk.Corrupt(wal.Path, fmt.Sprintf("number %d was staged elsewhere", e.Seq))
		}
		if e.Seq != base+uint64(i) {
			return nil, disk.Corrupt(wal.Path, fmt.Sprintf("number %d stands in the place of %d", e.Seq, base+uint64(i)))
		}
		entries[i] = e
	}
	return entries, nil
}

// CheckLines compares the lines of the manifest with what records say of them:
// have now, and old of them before the records were read.
func CheckLines(have, old, flushed, end uint64) error {
	if have < flushed {
		return disk.Corrupt(logfile.ManifestName, fmt.Sprintf("it has %d lines, %d were flushed", have, flushed))
	}
	if old > end {
		return disk.Corrupt(logfile.ManifestName, fmt.Sprintf("it has %d lines, the records end at %d", old, end))
	}
	return nil
}
