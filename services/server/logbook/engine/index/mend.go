package index

import (
	"fmt"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/logfile"
)

// Open opens the index file and returns how far it covers the manifest. A file
// that is damaged, covers more than flushed lines, or belongs to another
// manifest is thrown away: then nothing is covered.
func (x *Index) Open(m *manifest.Manifest, flushed uint64) (manifest.Position, error) {
	covered, err := x.tryOpen(m, flushed)
	if err == nil {
		return covered, nil
	}
	_ = x.Close()
	if err := removeStore(x.vol.Path(Path)); err != nil {
		return manifest.Position{}, err
	}
	return x.tryOpen(m, flushed)
}

func (x *Index) tryOpen(m *manifest.Manifest, flushed uint64) (manifest.Position, error) {
	if err := x.vol.Announce(disk.Step{Op: disk.OpCreate, Name: Path}); err != nil {
		return manifest.Position{}, err
	}
	s, err := openStore(x.vol.Path(Path))
	if err != nil {
		return manifest.Position{}, err
	}
	x.mu.Lock()
	x.store = s
	x.mu.Unlock()
	covered, a, err := s.cover()
	if err != nil {
		return manifest.Position{}, err
	}
	if covered.Lines > flushed {
		return manifest.Position{}, fmt.Errorf("index covers %d lines, %d are durable", covered.Lines, flushed)
	}
	return covered, a.check(m, covered)
}

// Mend makes the index file anew after a failed write, from the manifest, whose
// lines are all durable. It is for the committer: what is not found meanwhile is
// looked up again before it is kept.
func (x *Index) Mend(m *manifest.Manifest) error {
	if x.Failure() == nil {
		return nil
	}
	if err := x.Close(); err != nil {
		return err
	}
	if err := removeStore(x.vol.Path(Path)); err != nil {
		return err
	}
	if _, err := x.tryOpen(m, 0); err != nil {
		return err
	}
	x.mu.Lock()
	x.recent, x.frozen = make(map[Key]manifest.Place), nil
	x.broken = nil
	x.mu.Unlock()
	if _, err := m.Scan(manifest.Position{}, manifest.AllFlushed, x.Fill(m, manifest.AllFlushed)); err != nil {
		x.mu.Lock()
		x.broken = err
		x.mu.Unlock()
		return err
	}
	return nil
}

// Fill returns a manifest.Visitor that brings lines below flushed into the index, in
// batches that go to the file at once: memory stays bounded.
func (x *Index) Fill(m *manifest.Manifest, flushed uint64) manifest.Visitor {
	return func(p manifest.Place, e logfile.Entry, _ []byte) error {
		if p.Seq >= flushed {
			return nil // recovery adds what the records hold
		}
		x.Add(Key{e.Sender, e.ID}, p)
		if batch := x.freeze(x.batch); batch != nil {
			return x.write(m, batch, p.After())
		}
		return nil
	}
}
