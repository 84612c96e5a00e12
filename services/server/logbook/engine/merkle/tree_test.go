package merkle

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/crypto/receipt"
)

// The tree over the lines, computed the slow way.
func slowRoot(leaves []tlog.Hash) tlog.Hash {
	switch n := len(leaves); n {
	case 0:
		return new(receipt.Hasher).Root()
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return tlog.NodeHash(slowRoot(leaves[:k]), slowRoot(leaves[k:]))
	}
}

func TestTree(t *testing.T) {
	vol := disk.New(t.TempDir())
	check(t, vol.Prepare())
	tr, err := Open(vol, 0)
	check(t, err)
	var leaves []tlog.Hash
	for n := range 70 {
		want := slowRoot(leaves)
		if got, err := tr.Root(uint64(n)); err != nil || got != want {
			t.Fatalf("root of %d: %v, %v, want %v", n, got, err, want)
		}
		line := fmt.Append(nil, "line ", n)
		check(t, tr.Append([][]byte{line}))
		leaves = append(leaves, tlog.RecordHash(line))
	}
	check(t, tr.Close())
	// From the file alone, for fewer leaves than it has, and then on.
	tr, err = Open(vol, 40)
	check(t, err)
	for n := 40; n < 70; n++ {
		check(t, tr.Append([][]byte{fmt.Append(nil, "line ", n)}))
	}
	for size := range int64(len(leaves) + 1) {
		root := slowRoot(leaves[:size])
		for n := range size {
			p, err := tr.Prove(uint64(size), uint64(n))
			check(t, err)
			check(t, tlog.CheckRecord(p, size, root, n, leaves[n]))
		}
		if p, err := tr.Prove(uint64(size), uint64(size)); err == nil {
			t.Errorf("a proof for leaf %d of %d: %v", size, size, p)
		}
	}
	check(t, tr.Close())
}

// A hash beyond the tree's end is an error.
func TestNoHashYet(t *testing.T) {
	tr := &Tree{}
	tr.reset(0)
	if _, err := tr.hash(5); !errors.Is(err, errNoLeaf) {
		t.Errorf("a hash of an empty tree: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
