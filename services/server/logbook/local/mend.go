package local

import (
	"fmt"

	"sealpost/shared/logfile"
)

// open opens the index file and returns how far it covers the manifest. A file
// that is damaged, covers more than flushed lines, or belongs to another
// manifest is thrown away: then nothing is covered.
func (x *index) open(m *manifest, flushed uint64) (position, error) {
	covered, err := x.tryOpen(m, flushed)
	if err == nil {
		return covered, nil
	}
	_ = x.close()
	if err := removeStore(x.vol.staging(indexName)); err != nil {
		return position{}, err
	}
	return x.tryOpen(m, flushed)
}

func (x *index) tryOpen(m *manifest, flushed uint64) (position, error) {
	if err := x.vol.step(Step{Op: OpCreate, Name: indexPath}); err != nil {
		return position{}, err
	}
	s, err := openStore(x.vol.staging(indexName))
	if err != nil {
		return position{}, err
	}
	x.mu.Lock()
	x.store = s
	x.mu.Unlock()
	covered, a, err := s.cover()
	if err != nil {
		return position{}, err
	}
	if covered.lines > flushed {
		return position{}, fmt.Errorf("index covers %d lines, %d are durable", covered.lines, flushed)
	}
	return covered, m.holds(covered, a)
}

// mend makes the index file anew after a failed write, from the manifest, whose
// lines are all durable. It is for the committer: what is not found meanwhile is
// looked up again before it is kept.
func (x *index) mend(m *manifest) error {
	if x.failure() == nil {
		return nil
	}
	if err := x.close(); err != nil {
		return err
	}
	if err := removeStore(x.vol.staging(indexName)); err != nil {
		return err
	}
	if _, err := x.tryOpen(m, 0); err != nil {
		return err
	}
	x.mu.Lock()
	x.recent, x.frozen = make(map[indexKey]place), nil
	x.broken = nil
	x.mu.Unlock()
	if _, err := m.scan(position{}, allFlushed, x.fill(m, allFlushed)); err != nil {
		x.mu.Lock()
		x.broken = err
		x.mu.Unlock()
		return err
	}
	return nil
}

// fill returns a visitor that brings lines below flushed into the index, in
// batches that go to the file at once: memory stays bounded.
func (x *index) fill(m *manifest, flushed uint64) visitor {
	return func(p place, e logfile.Entry, _ []byte) error {
		if p.seq >= flushed {
			return nil // recovery adds what the records hold
		}
		x.add(e.Sender, e.ID, p)
		if batch := x.freeze(x.batch); batch != nil {
			return x.write(m, batch, position{p.seq + 1, p.off + int64(p.size)})
		}
		return nil
	}
}
