package receipt

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Hasher computes the root over manifest lines that come one after the other
// (RFC 6962, section 2.1), in memory that grows with the logarithm of their
// number. The zero Hasher has no lines.
type Hasher struct {
	size uint64
	// peaks are the roots of the complete subtrees that the tree consists of,
	// from left to right: one for each bit that is set in size.
	peaks []tlog.Hash
}

// Add takes the next line, without its line end.
func (h *Hasher) Add(line []byte) {
	node := tlog.RecordHash(line)
	for n := h.size; n&1 == 1; n >>= 1 {
		last := len(h.peaks) - 1
		node = tlog.NodeHash(h.peaks[last], node)
		h.peaks = h.peaks[:last]
	}
	h.peaks = append(h.peaks, node)
	h.size++
}

// Size is the number of lines so far.
func (h *Hasher) Size() uint64 { return h.size }

// Root is the root over all lines so far.
func (h *Hasher) Root() tlog.Hash {
	last := len(h.peaks) - 1
	if last < 0 {
		return sha256.Sum256(nil)
	}
	root := h.peaks[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(h.peaks[i], root)
	}
	return root
}
