package receipt_test

import (
	"testing"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
)

// TestHasher compares with the roots that the tlog package computes from a
// whole tree.
func TestHasher(t *testing.T) {
	tree, hasher := new(receipttest.Tree), new(receipt.Hasher)
	for size, line := range someLines(200) {
		want, err := tree.Checkpoint(logbookID, uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the root does not depend on having been asked for
			if got := hasher.Root(); got != want.Root || hasher.Size() != uint64(size) {
				t.Fatalf("%d lines: root %s, want %s", hasher.Size(), got, want.Root)
			}
		}
		if err := tree.Append(line); err != nil {
			t.Fatal(err)
		}
		hasher.Add(line)
	}
}
