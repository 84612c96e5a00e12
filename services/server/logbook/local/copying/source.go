package copying

import (
	"errors"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/logfile"
)

// source is the volume that is copied, up to a number.
type source struct {
	vol      *disk.Volume
	lines    *manifest.Manifest
	flushed  uint64 // as manifest.Scan takes it
	messages uint64 // those below this number are copied
	bytes    uint64 // of their log files
	pending  uint64
}

// errEnough ends a scan where the copy ends.
var errEnough = errors.New("no more lines")

// fix decides up to which number the volume is copied: the lines that the manifest
// has now, and of those that the records hold too, as far as their files are in
// place. A running server appends a line only behind that; after a power cut that no
// start has recovered yet it may be otherwise.
func fix(vol *disk.Volume) (*source, error) {
	head, recs, _, err := wal.Read(vol)
	if err != nil {
		return nil, err
	}
	entries, err := fit.ParseRecords(head.Base, recs)
	if err != nil {
		return nil, err
	}
	limit, _, err := disk.Size(vol.Path(manifest.Path))
	if err != nil {
		return nil, err
	}
	s := &source{vol: vol, flushed: head.Base}
	if s.lines, err = manifest.View(vol); err != nil {
		return nil, err
	}
	unplaced, err := firstUnplaced(vol, recs, entries)
	if err == nil {
		err = s.count(limit, unplaced)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	if kept := head.Base + uint64(len(recs)); kept > s.messages {
		s.pending = kept - s.messages
	}
	return s, nil
}

// firstUnplaced returns the first recorded number whose file is staged still.
func firstUnplaced(vol *disk.Volume, recs []wal.Record, entries []logfile.Entry) (uint64, error) {
	for i, e := range entries {
		_, staged, err := disk.Size(vol.Path(recs[i].Staged))
		if err != nil {
			return 0, err
		}
		_, final, err := disk.Size(vol.Logs(e.File))
		if err != nil {
			return 0, err
		}
		if staged && !final {
			return e.Seq, nil
		}
	}
	return manifest.AllFlushed, nil
}

func (s *source) count(limit int64, end uint64) error {
	return s.scan(func(p manifest.Place, e logfile.Entry, _ []byte) error {
		if p.After().Bytes > limit || p.Seq >= end {
			return errEnough
		}
		s.messages++
		s.bytes += e.FileSize
		return nil
	})
}

// each gives visit the lines that are copied.
func (s *source) each(visit func(e logfile.Entry, line []byte) error) error {
	return s.scan(func(p manifest.Place, e logfile.Entry, line []byte) error {
		if p.Seq >= s.messages {
			return errEnough
		}
		return visit(e, line)
	})
}

func (s *source) scan(visit manifest.Visitor) error {
	_, err := s.lines.Scan(manifest.Position{}, s.flushed, visit)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s *source) close() { _ = s.lines.Close() }
