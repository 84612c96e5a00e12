// Package merkle keeps the Merkle tree of RFC 6962 over the manifest's lines, and
// proves of each that it is in the tree.
//
// Guaranteed: roots and proofs are those of the lines that were appended. Many
// may ask for them while one goroutine appends or mends.
//
// Not guaranteed: that the file is right after a crash, or after a change from
// outside. Whoever opens the tree compares its root with a signed one, and fills
// the tree again from the manifest if they differ.
package merkle

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/logfile"
)

// Path is where the hashes lie on the volume.
const Path = disk.StagingDir + "/tree"

const (
	// recentHashes are kept in memory, 32 bytes each: proofs of new messages
	// need little else.
	recentHashes = 32 << 10
	// farHashes bounds the cache of older ones, of which the proofs of new
	// messages need a few again and again.
	farHashes = 1 << 10
)

var errNoLeaf = errors.New("the tree has no such leaf")

// Tree is the Merkle tree of RFC 6962, section 2.1, over the manifest lines,
// without their "\n". Its hashes lie in a file in the order of
// tlog.StoredHashIndex. Like the manifest the file is appended to without a
// flush until the records are rotated; recovery computes again what they
// hold, and all of it from the manifest when the file is missing or short.
type Tree struct {
	vol  *disk.Volume
	file *os.File

	mu     sync.RWMutex
	leaves uint64
	recent []tlog.Hash // the newest hashes
	first  int64       // the stored index of recent[0]
	far    map[int64]tlog.Hash
	broken error // a flush failed: the file must be made anew
}

// Open opens the file, which is trusted for flushed leaves, if it has them.
func Open(vol *disk.Volume, flushed uint64) (*Tree, error) {
	f, err := vol.Open(Path, 0o600)
	if err != nil {
		return nil, err
	}
	t := &Tree{vol: vol, file: f}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	t.reset(0)
	if info.Size() >= tlog.StoredHashCount(int64(flushed))*tlog.HashSize {
		t.reset(flushed)
	}
	return t, nil
}

// reset forgets all leaves from n on.
func (t *Tree) reset(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaves, t.recent, t.first = n, nil, tlog.StoredHashCount(int64(n))
	t.far = make(map[int64]tlog.Hash)
}

// Append adds lines as leaves. After an error the same call may be made again.
func (t *Tree) Append(lines [][]byte) error {
	start := tlog.StoredHashCount(int64(t.leaves))
	fresh := make([]tlog.Hash, 0, 2*len(lines)+64)
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		return t.hashes(indexes, start, fresh)
	})
	for i, line := range lines {
		more, err := tlog.StoredHashes(int64(t.leaves)+int64(i), line, read)
		if err != nil {
			return err
		}
		fresh = append(fresh, more...)
	}
	buf := make([]byte, 0, len(fresh)*tlog.HashSize)
	for _, h := range fresh {
		buf = append(buf, h[:]...)
	}
	if err := t.vol.Append(t.file, Path, buf, start*tlog.HashSize); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaves += uint64(len(lines))
	t.recent = append(t.recent, fresh...)
	if drop := len(t.recent) - recentHashes; drop > recentHashes {
		t.recent = append([]tlog.Hash(nil), t.recent[drop:]...)
		t.first += int64(drop)
	}
	return nil
}

// hashes reads those below start from memory or the file, the others from fresh.
func (t *Tree) hashes(indexes []int64, start int64, fresh []tlog.Hash) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= start {
			found[i] = fresh[index-start]
			continue
		}
		var err error
		if found[i], err = t.hash(index); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (t *Tree) hash(index int64) (h tlog.Hash, err error) {
	h, cached, err := t.read(index)
	if err != nil || cached {
		return h, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.far) >= farHashes {
		clear(t.far)
	}
	t.far[index] = h
	return h, nil
}

// read returns a hash, and whether it is in memory. The file stays open
// meanwhile.
func (t *Tree) read(index int64) (h tlog.Hash, cached bool, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if at := index - t.first; at >= int64(len(t.recent)) {
		return h, false, fmt.Errorf("%s: hash %d: %w", Path, index, errNoLeaf)
	} else if at >= 0 {
		return t.recent[at], true, nil
	}
	if h, cached = t.far[index]; cached {
		return h, true, nil
	}
	if _, err = t.file.ReadAt(h[:], index*tlog.HashSize); err != nil {
		err = fmt.Errorf("%s: hash %d: %w", Path, index, err)
	}
	return h, false, err
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.leaves
}

// Flush makes the file durable. After a failure it is made anew: the kernel
// forgets a failed page, and which one it was.
func (t *Tree) Flush() error {
	if t.broken != nil {
		return t.broken
	}
	if err := t.vol.Sync(t.file, Path); err != nil {
		t.broken = err
		return err
	}
	return nil
}

// Fill brings the tree up to the manifest, whose lines are durable below
// flushed, from the first line on.
func (t *Tree) Fill(m *manifest.Manifest, flushed uint64) error {
	t.reset(0)
	var batch [][]byte
	_, err := m.Scan(manifest.Position{}, flushed, func(p manifest.Place, _ logfile.Entry, line []byte) error {
		if p.Seq >= flushed {
			return nil
		}
		if batch = append(batch, append([]byte(nil), line...)); len(batch) < 1000 {
			return nil
		}
		err := t.Append(batch)
		batch = batch[:0]
		return err
	})
	if err == nil {
		err = t.Append(batch)
	}
	return err
}

// Mend writes the file again after a failed flush, into a new one. The hashes
// that are there stay right, and receipts are made of them meanwhile.
func (t *Tree) Mend(m *manifest.Manifest) error {
	if t.broken == nil {
		return nil
	}
	if err := t.vol.Remove(Path); err != nil && !os.IsNotExist(err) {
		return err
	}
	f, err := t.vol.Create(Path, 0o600)
	if err != nil {
		return err
	}
	fresh := &Tree{vol: t.vol, file: f}
	if err := fresh.Fill(m, m.Count()); err != nil {
		_ = f.Close()
		return err
	}
	t.mu.Lock()
	old := t.file
	t.file, t.leaves, t.recent, t.first, t.far = f, fresh.leaves, fresh.recent, fresh.first, fresh.far
	t.mu.Unlock()
	t.broken = nil
	_ = old.Close()
	return nil
}

// Close closes the file.
func (t *Tree) Close() error { return t.file.Close() }
