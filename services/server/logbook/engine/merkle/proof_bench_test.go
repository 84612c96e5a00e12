package merkle

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// BenchmarkOldReceipt makes receipts of messages from all over a logbook of a
// million: what a repeat of an old message costs beyond its look-up.
func BenchmarkOldReceipt(b *testing.B) {
	const leaves = 1_000_000
	vol := disk.New(b.TempDir())
	if err := vol.Prepare(); err != nil {
		b.Fatal(err)
	}
	t, err := Open(vol, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = t.Close() }()
	line := benchLine(b)
	batch := make([][]byte, 1000)
	for at := 0; at < leaves; at += len(batch) {
		for i := range batch {
			batch[i] = fmt.Appendf(nil, "%d", at+i) // a leaf is a hash, whatever its line was
		}
		if err := t.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	root, err := t.Root(leaves)
	if err != nil {
		b.Fatal(err)
	}
	id, err := identity.Generate()
	if err != nil {
		b.Fatal(err)
	}
	top := receipt.Checkpoint{Origin: receipt.Origin("bench"), Size: leaves, Root: root}
	signed, err := receipt.SignCheckpoint(top, id)
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for b.Loop() {
		seq := rand.Uint64N(leaves)
		proof, err := t.Prove(leaves, seq)
		if err != nil {
			b.Fatal(err)
		}
		text, err := receipt.New(seq, line, proof, signed)
		if err != nil {
			b.Fatal(err)
		}
		size = len(text)
	}
	b.ReportMetric(float64(size), "bytes/receipt")
}

func benchLine(b *testing.B) []byte {
	b.Helper()
	d := logbooktest.Draft("store-17", nil)
	e := logfile.Entry{V: 1, Seq: 999_999, File: logfile.FileName(999_999), ID: d.ID, Sender: d.Sender, Name: d.Name,
		Cipher: d.Cipher, ReceivedAt: time.Unix(0, 123456789),
		SHA256: d.SHA256, FileSize: 1 << 20}
	line, err := e.Line()
	if err != nil {
		b.Fatal(err)
	}
	return line
}
