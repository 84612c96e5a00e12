package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// recorded are the messages with a record, of a volume that is only read: those whose names
// and manifest lines a start would put back where a crash took them.
type recorded struct {
	stores  engine.Stores // the volume alone
	base    uint64        // the number of the first
	recs    []wal.Record
	entries []logfile.Entry
}

// readRecorded gives none where the records are not sound: Judge says so.
func readRecorded(vol *disk.Volume) *recorded {
	r := &recorded{stores: engine.Stores{Volume: vol}}
	head, recs, _, err := wal.Read(vol)
	if err != nil {
		return r
	}
	if entries, err := fit.ParseRecords(head.Base, recs); err == nil {
		r.base, r.recs, r.entries = head.Base, recs, entries
	}
	return r
}

// from gives visit those from a number on.
func (r *recorded) from(seq uint64, visit manifest.Visitor) error {
	for ; r.has(seq); seq++ {
		i := seq - r.base
		if err := visit(manifest.Place{Seq: seq}, r.entries[i], []byte(r.recs[i].Line)); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorded) has(seq uint64) bool { return seq >= r.base && seq-r.base < uint64(len(r.recs)) }

// open opens the file of a message that lies in staging alone. Both results are nil where
// it is to be found, or missing, under its final name; a *ForeignFileError says that
// something else has that.
func (r *recorded) open(e logfile.Entry) (*os.File, error) {
	if !r.has(e.Seq) {
		return nil, nil
	}
	staged := r.recs[e.Seq-r.base].Staged
	at, err := locate(&r.stores, staged, e)
	if errors.Is(err, fs.ErrNotExist) { // a server took the name in staging meanwhile
		at, err = locate(&r.stores, staged, e)
	}
	if err != nil || at.named || !at.staged {
		return nil, err
	}
	dir, err := durable.OpenDir(r.stores.Volume.Staging(""))
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	f, err := dir.Open(filepath.Base(staged), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // it has its final name by now
		err = nil
	}
	return f, err
}
