package fit

import (
	"errors"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// Judge tells, and changes nothing, whether a server would take the log volume dir
// for the logbook: a *MisfitError, a *ForkError or a *disk.CorruptError says why not.
// It may run beside a server. What the state volume knows must have been read before.
func (f Known) Judge(dir string) error {
	vol := disk.New(dir)
	checkpoint, err := ReadCheckpoint(vol)
	if err != nil {
		return err
	}
	note, err := ReadRetired(vol) // before the lines: it names none that is newer
	if err != nil {
		return err
	}
	kept, err := keptOn(vol)
	if err != nil {
		return err
	}
	if err := f.CheckID(vol, kept.entries(), kept.found); err != nil {
		return err
	}
	retired, err := f.OpenRetired(note)
	if err != nil {
		return err
	}
	if err := kept.read(); err != nil {
		return err
	}
	if err := CheckReach(retired, kept.Size()); err != nil {
		return err
	}
	for _, s := range f.Checkpoints(checkpoint) {
		err := f.CheckCheckpoint(s, kept)
		var fork *ForkError
		if errors.As(err, &fork) && fork.Have >= fork.Size {
			err = fork.Find(vol, func(visit manifest.Visitor) error { return kept.scan(kept.head.Base, visit) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Count returns how many messages the log volume holds, of whatever logbook. A
// *disk.CorruptError means that it contradicts itself.
func Count(dir string) (uint64, error) {
	kept, err := keptOn(disk.New(dir))
	if err == nil {
		err = kept.read()
	}
	if err != nil {
		return 0, err
	}
	return kept.Size(), nil
}

// kept are the messages on a volume, as recovery would find them: the lines of
// the manifest that the records begin behind, and those of the records.
type kept struct {
	vol   *disk.Volume
	head  wal.Head
	recs  []wal.Record
	found bool
	limit int64 // bytes of the manifest before the records were read: no line in them is newer
	lines uint64
}

func keptOn(v *disk.Volume) (*kept, error) {
	limit, _, err := disk.Size(v.Path(manifest.Path))
	if err != nil {
		return nil, err
	}
	k := &kept{vol: v, limit: limit}
	k.head, k.recs, k.found, err = wal.Read(v)
	return k, err
}

func (k *kept) entries() uint64 { return k.head.Base + uint64(len(k.recs)) }

func (k *kept) Size() uint64 { return k.lines }

// read counts, and checks what recovery does before it goes on.
func (k *kept) read() error {
	flushed := k.head.Base
	if !k.found {
		flushed = manifest.AllFlushed
	}
	have, old := uint64(0), uint64(0)
	err := k.scan(flushed, func(p manifest.Place, _ logfile.Entry, _ []byte) error {
		have++
		if p.Off+int64(p.Size) <= k.limit {
			old++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !k.found {
		k.lines = have
		return nil
	}
	k.lines = k.entries()
	if _, err := ParseRecords(k.head.Base, k.recs); err != nil {
		return err
	}
	return CheckLines(have, old, k.head.Base, k.lines)
}

func (k *kept) scan(flushed uint64, visit manifest.Visitor) error {
	m, err := manifest.View(k.vol)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	_, err = m.Scan(manifest.Position{}, flushed, visit)
	return err
}

// Root computes the root over the first n lines, from the lines alone.
func (k *kept) Root(n uint64) (tlog.Hash, error) {
	var lines receipt.Hasher
	base := k.lines - uint64(len(k.recs))
	err := k.scan(base, func(p manifest.Place, _ logfile.Entry, line []byte) error {
		if p.Seq < min(n, base) {
			lines.Add(line)
		}
		return nil
	})
	if err != nil {
		return tlog.Hash{}, err
	}
	for i := base; i < n; i++ {
		lines.Add([]byte(k.recs[i-base].Line))
	}
	return lines.Root(), nil
}
