package entry

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"sealpost/shared/logfile"
)

// Chain is a digest of everything in the log up to a position. Servers that have the same
// one there have read the same.
type Chain = logfile.Digest

// Next returns the chain of the next position, whose entry has those bytes and was taken
// in at that time.
func Next(before Chain, position uint64, at time.Time, data []byte) Chain {
	body := sha256.Sum256(data)
	text := make([]byte, 0, 2*sha256.Size+16)
	text = append(text, before[:]...)
	text = binary.BigEndian.AppendUint64(text, position)
	text = binary.BigEndian.AppendUint64(text, uint64(at.UnixNano()))
	return sha256.Sum256(append(text, body[:]...))
}
