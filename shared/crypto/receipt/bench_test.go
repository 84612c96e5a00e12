package receipt_test

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/receipt"
)

// benchDepth is the depth of a tree of a million messages.
const benchDepth = 20

func benchLine() []byte { return bytes.Repeat([]byte("a manifest line's "), 27) }

func BenchmarkNew(b *testing.B) {
	id, _ := generate(b)
	line, proof, checkpoint := benchLine(), make(tlog.RecordProof, benchDepth), signed(b, id, 1<<benchDepth)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := receipt.New(999_999, line, proof, checkpoint); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifier opens receipts of one commit: all but the first rest on a
// signature that was verified before.
func BenchmarkVerifier(b *testing.B) {
	id, pins := generate(b)
	proof := make(tlog.RecordProof, benchDepth)
	root := tlog.RecordHash(benchLine()) // of leaf 0, beside subtrees whose roots are all zero
	for _, right := range proof {
		root = tlog.NodeHash(root, right)
	}
	checkpoint, err := receipt.SignCheckpoint(
		receipt.Checkpoint{Origin: receipt.Origin(logbookID), Size: 1 << benchDepth, Root: root}, id)
	if err != nil {
		b.Fatal(err)
	}
	text, err := receipt.New(0, benchLine(), proof, checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	v := receipt.NewVerifier(pins)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Open(text); err != nil {
			b.Fatal(err)
		}
	}
}
