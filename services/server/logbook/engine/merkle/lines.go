package merkle

import (
	"context"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// RootOf computes the root over the first n manifest lines, from the lines
// alone, unless ctx ends meanwhile.
func RootOf(ctx context.Context, m *manifest.Manifest, n uint64) (tlog.Hash, error) {
	var lines receipt.Hasher
	_, err := m.Scan(manifest.Position{}, manifest.AllFlushed, func(p manifest.Place, _ logfile.Entry, line []byte) error {
		if p.Seq < n {
			lines.Add(line)
		}
		return context.Cause(ctx)
	})
	return lines.Root(), err
}

// Differs reports whether the tree's file has the hash of another line. A power
// cut leaves zeros where a hash was not flushed.
func Differs(tree *os.File, seq uint64, line []byte) bool {
	var was, none tlog.Hash
	_, err := tree.ReadAt(was[:], tlog.StoredHashIndex(0, int64(seq))*tlog.HashSize)
	return err == nil && was != none && was != tlog.RecordHash(line)
}
