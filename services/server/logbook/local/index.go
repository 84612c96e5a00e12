package local

import (
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/shared/message"
)

type indexKey struct {
	sender string
	id     message.ID
}

// place is where a manifest line lies.
type place struct {
	seq  uint64
	off  int64
	size uint32 // with its "\n"
}

// position is how far into the manifest something reaches.
type position struct {
	lines uint64
	bytes int64
}

// index finds a message's manifest line by sender and id. The newest messages
// are in memory, all others in a file, so that memory does not grow with the
// number of messages. The file holds nothing that the manifest does not: it
// covers only lines that are durable there, and is made anew from them when it
// is missing, damaged or does not fit.
type index struct {
	vol   *volume
	batch int // as many messages wait in memory for a write; at four times as many the committer waits

	mu     sync.RWMutex
	store  *store
	absent map[indexKey]bool // looked for in vain, and not added since; a few of them
	added  uint64
	recent map[indexKey]place // not in the file yet
	frozen map[indexKey]place // being written to it
	broken error              // a write failed: the file must be made anew

	writing sync.WaitGroup
}

func newIndex(vol *volume, batch int) *index {
	return &index{vol: vol, batch: batch, recent: make(map[indexKey]place), absent: make(map[indexKey]bool)}
}

// find returns the place of a message's line.
func (x *index) find(sender string, id message.ID) (place, bool, error) {
	key := indexKey{sender, id}
	x.mu.RLock()
	added := x.added
	p, ok, err := x.findLocked(key)
	x.mu.RUnlock()
	if err == nil && !ok {
		x.missed(key, added)
	}
	return p, ok, err
}

// maxAbsent bounds what is remembered of searches in vain.
const maxAbsent = 4096

// missed remembers that key was looked for in vain, unless one was added since:
// a new message is looked for twice, as it is offered and as it is committed.
func (x *index) missed(key indexKey, added uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if added != x.added {
		return
	}
	if len(x.absent) >= maxAbsent {
		clear(x.absent)
	}
	x.absent[key] = true
}

func (x *index) add(sender string, id message.ID, p place) {
	key := indexKey{sender, id}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.added++
	delete(x.absent, key)
	x.recent[key] = p
}

func (x *index) findLocked(key indexKey) (place, bool, error) {
	switch {
	case x.broken != nil:
		return place{}, false, fmt.Errorf("%w: index: %w", logbook.ErrUnavailable, x.broken)
	case x.store == nil:
		return place{}, false, logbook.ErrClosed
	}
	for _, m := range [...]map[indexKey]place{x.recent, x.frozen} {
		if p, ok := m[key]; ok {
			return p, true, nil
		}
	}
	if x.absent[key] {
		return place{}, false, nil
	}
	p, ok, err := x.store.get(key)
	if err != nil {
		err = fmt.Errorf("%w: index: %w", logbook.ErrUnavailable, err)
	}
	return p, ok, err
}

// flushed says that the manifest is durable up to there: what is in memory may
// go to the file, in the background, once it is worth a write.
func (x *index) flushed(m *manifest, to position) {
	x.mu.Lock()
	waiting := len(x.recent)
	x.mu.Unlock()
	if waiting > 4*x.batch {
		x.writing.Wait()
	}
	if batch := x.freeze(x.batch); batch != nil {
		x.writing.Go(func() { _ = x.write(m, batch, to) })
	}
}

// settle writes everything in memory to the file, now.
func (x *index) settle(m *manifest, to position) error {
	x.writing.Wait()
	batch := x.freeze(1)
	if batch == nil {
		return x.failure()
	}
	return x.write(m, batch, to)
}

// freeze takes what is in memory if it is at least so much, and nothing is
// being written.
func (x *index) freeze(atLeast int) map[indexKey]place {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.frozen != nil || x.broken != nil || len(x.recent) < atLeast {
		return nil
	}
	x.frozen, x.recent = x.recent, make(map[indexKey]place)
	return x.frozen
}

func (x *index) write(m *manifest, batch map[indexKey]place, to position) error {
	anchor, err := m.anchor(batch)
	if err == nil {
		err = x.vol.step(Step{Op: OpSync, Name: indexPath})
	}
	if err == nil {
		err = x.store.put(batch, to, anchor)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.broken = err // the entries stay in frozen until the file is made anew
		return err
	}
	x.frozen = nil
	return nil
}

func (x *index) failure() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.broken
}

func (x *index) close() error {
	x.writing.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.store == nil {
		return nil
	}
	err := x.store.close()
	x.store = nil
	return err
}
