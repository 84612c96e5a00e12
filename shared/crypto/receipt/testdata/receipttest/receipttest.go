// Package receipttest makes checkpoints and receipts for tests. It keeps whole
// trees in memory.
package receipttest

import (
	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
)

// Tree is the tree over the lines of a logbook. The zero Tree is empty. It is
// not safe for concurrent use.
type Tree struct {
	lines  [][]byte
	hashes []tlog.Hash // in the order of tlog.StoredHashIndex
}

// NewTree returns the tree over lines (without line ends).
func NewTree(lines ...[]byte) (*Tree, error) {
	t := new(Tree)
	for _, line := range lines {
		if err := t.Append(line); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Append adds a line (without line end).
func (t *Tree) Append(line []byte) error {
	hashes, err := tlog.StoredHashes(int64(len(t.lines)), line, t.reader())
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, hashes...)
	t.lines = append(t.lines, line)
	return nil
}

// Size is the number of lines.
func (t *Tree) Size() uint64 { return uint64(len(t.lines)) }

// Checkpoint returns what is to be signed of the tree's first size lines.
func (t *Tree) Checkpoint(logbookID string, size uint64) (receipt.Checkpoint, error) {
	root, err := tlog.TreeHash(int64(size), t.reader())
	if err != nil {
		return receipt.Checkpoint{}, err
	}
	return receipt.Checkpoint{Origin: receipt.Origin(logbookID), Size: size, Root: root}, nil
}

// Sign returns the signed checkpoint of the tree's first size lines.
func (t *Tree) Sign(id *identity.Identity, logbookID string, size uint64) ([]byte, error) {
	checkpoint, err := t.Checkpoint(logbookID, size)
	if err != nil {
		return nil, err
	}
	return receipt.SignCheckpoint(checkpoint, id)
}

// Receipt returns the receipt of line index in the tree of the first size
// lines.
func (t *Tree) Receipt(id *identity.Identity, logbookID string, index, size uint64) ([]byte, error) {
	signed, err := t.Sign(id, logbookID, size)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(int64(size), int64(index), t.reader())
	if err != nil {
		return nil, err
	}
	return receipt.New(index, t.lines[index], proof, signed)
}

// Lines returns the receipt of line index in the tree over lines.
func Lines(id *identity.Identity, logbookID string, lines [][]byte, index uint64) ([]byte, error) {
	t, err := NewTree(lines...)
	if err != nil {
		return nil, err
	}
	return t.Receipt(id, logbookID, index, t.Size())
}

// reader panics on hashes that the tree does not have: only a test that asks
// for a larger tree than it built does that.
func (t *Tree) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = t.hashes[index]
		}
		return found, nil
	})
}
