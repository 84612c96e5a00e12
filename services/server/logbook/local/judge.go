package local

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// Judge tells, and changes nothing, whether Open would take the log volume for
// the logbook: a *MisfitError, a *ForkError or a *CorruptError says why not. It
// may run beside a server. cfg.Known must have been read before.
func Judge(cfg Config) error {
	vol := &volume{dir: cfg.Dir, step: noFault}
	checkpoint, err := vol.readCheckpoint()
	if err != nil {
		return err
	}
	kept, err := vol.kept()
	if err != nil {
		return err
	}
	f := fit{cfg.ID, cfg.Known, cfg.Notary}
	if err := f.checkID(vol, kept.entries(), kept.found); err != nil {
		return err
	}
	if err := kept.read(); err != nil {
		return err
	}
	for _, s := range f.seals(checkpoint) {
		err := f.checkSeal(s, kept)
		var fork *ForkError
		if errors.As(err, &fork) && fork.Have >= fork.Size {
			err = fork.find(vol, func(visit visitor) error { return kept.scan(kept.head.Base, visit) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Count returns how many messages the log volume holds, of whatever logbook. A
// *CorruptError means that it contradicts itself.
func Count(dir string) (uint64, error) {
	kept, err := (&volume{dir: dir, step: noFault}).kept()
	if err == nil {
		err = kept.read()
	}
	if err != nil {
		return 0, err
	}
	return kept.size(), nil
}

// kept are the messages on a volume, as recovery would find them: the lines of
// the manifest that the records begin behind, and those of the records.
type kept struct {
	vol   *volume
	head  recordsHead
	recs  []record
	found bool
	limit int64 // bytes of the manifest before the records were read: no line in them is newer
	lines uint64
}

func (v *volume) kept() (*kept, error) {
	limit, _, err := size(v.path(manifestPath))
	if err != nil {
		return nil, err
	}
	k := &kept{vol: v, limit: limit}
	k.head, k.recs, k.found, err = readRecords(v)
	return k, err
}

func (k *kept) entries() uint64 { return k.head.Base + uint64(len(k.recs)) }

func (k *kept) size() uint64 { return k.lines }

// read counts, and checks what recovery does before it goes on.
func (k *kept) read() error {
	flushed := k.head.Base
	if !k.found {
		flushed = allFlushed
	}
	have, old := uint64(0), uint64(0)
	err := k.scan(flushed, func(p place, _ logfile.Entry, _ []byte) error {
		have++
		if p.off+int64(p.size) <= k.limit {
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
	if _, err := parseRecorded(k.head.Base, k.recs); err != nil {
		return err
	}
	return checkLines(have, old, k.head.Base, k.lines)
}

// checkLines compares the lines of the manifest with what records say of them:
// have now, and old of them before the records were read.
func checkLines(have, old, flushed, end uint64) error {
	if have < flushed {
		return &CorruptError{logfile.ManifestName, fmt.Sprintf("it has %d lines, %d were flushed", have, flushed)}
	}
	if old > end {
		return &CorruptError{logfile.ManifestName, fmt.Sprintf("it has %d lines, the records end at %d", old, end)}
	}
	return nil
}

func (k *kept) scan(flushed uint64, visit visitor) error {
	f, err := os.Open(k.vol.path(manifestPath))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	m := &manifest{vol: k.vol, file: f}
	_, err = m.scan(position{}, flushed, visit)
	return err
}

// root computes the root over the first n lines, from the lines alone.
func (k *kept) root(n uint64) (tlog.Hash, error) {
	var lines receipt.Hasher
	base := k.lines - uint64(len(k.recs))
	err := k.scan(base, func(p place, _ logfile.Entry, line []byte) error {
		if p.seq < min(n, base) {
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
