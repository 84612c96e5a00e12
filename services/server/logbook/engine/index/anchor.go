package index

import (
	"errors"
	"hash/crc32"

	"sealpost/services/server/logbook/engine/manifest"
)

// anchor ties the index file to its manifest: the last line that it covers.
type anchor struct {
	last manifest.Place
	crc  uint32 // CRC-32C of that line
}

// anchorOf describes the last line of a batch.
func anchorOf(m *manifest.Manifest, batch map[Key]manifest.Place) (a anchor, err error) {
	for _, p := range batch {
		if p.Seq >= a.last.Seq {
			a.last = p
		}
	}
	line, err := m.Line(a.last)
	a.crc = lineCRC(line)
	return a, err
}

// check is nil when m is the manifest that an index file covers.
func (a anchor) check(m *manifest.Manifest, to manifest.Position) error {
	if to.Lines == 0 {
		return nil
	}
	line, err := m.Line(a.last)
	switch {
	case err != nil:
		return err
	case a.last.Seq+1 != to.Lines || a.last.Off+int64(a.last.Size) != to.Bytes || lineCRC(line) != a.crc:
		return errors.New("index file: it belongs to another manifest")
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func lineCRC(line []byte) uint32 { return crc32.Checksum(line, castagnoli) }
