package natstest

import (
	"errors"
	"os"
	"path/filepath"
)

// Damage changes one bit in the middle of the first block of entries that the node has of
// a stream, and removes the index, as after a crash. The node, which must have ended by
// Stop, drops the rest of the block when it starts, says nothing of it, and can lead. One
// that was killed may still have the entries in its Raft log, and puts them back.
func (n *Node) Damage(stream string) {
	n.cluster.t.Helper()
	n.damage(stream, flip)
}

// Truncate cuts the first block to half of its length, and is otherwise as Damage.
func (n *Node) Truncate(stream string) {
	n.cluster.t.Helper()
	n.damage(stream, halve)
}

func (n *Node) damage(stream string, block func(path string) error) {
	n.cluster.t.Helper()
	n.must(!n.running(), "still runs")
	entries := filepath.Join(n.storeDir(), "jetstream", account, "streams", stream, "msgs")
	blocks, err := filepath.Glob(filepath.Join(entries, "*.blk"))
	if err == nil && len(blocks) == 0 {
		err = os.ErrNotExist
	}
	if err == nil {
		err = block(blocks[0])
	}
	if err != nil {
		n.cluster.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(entries, "index.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
		n.cluster.t.Fatal(err)
	}
}

// flip changes one bit in the middle of a file.
func flip(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text[len(text)/2] ^= 1
	return os.WriteFile(path, text, 0o600)
}

// halve takes away the second half of a file.
func halve(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}
