// Package digest computes the SHA-256 of what a reader holds.
package digest

import (
	"crypto/sha256"
	"io"
	"math"
	"sync"
)

// buffers are what is read into: who checks ten thousand small files would make as
// many, and have the collector of garbage run all the time.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// Of reads r to its end and returns how many bytes it held, and their SHA-256
// (FIPS 180-4). The error is r's.
func Of(r io.Reader) (size uint64, sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	n, err := io.CopyBuffer(hash, r, *buffer)
	hash.Sum(sum[:0])
	return uint64(n), sum, err
}

// Within is Of for what should hold size bytes: it reads at most one byte more,
// which is enough to tell that it holds others.
func Within(r io.Reader, size uint64) (read uint64, sum [sha256.Size]byte, err error) {
	return Of(io.LimitReader(r, int64(min(size, math.MaxInt64-1))+1))
}
