// Package logfile holds the two formats of the log volume, both specified in
// docs/PROTOCOL.md: the log file of one message, and the line that the
// manifest has for it. The server writes them; whoever collects parses them.
//
// A log file is text around the message's own bytes. Where each part lies
// follows from the sizes that its header declares, so [Layout] is known before
// the first byte of the message, and [Parse] never looks for a separator: a
// message may contain anything, this format's own lines included. A manifest
// line has one form only: [ParseLine] accepts what [Entry.Line] writes and
// nothing else.
//
// The package checks form, not truth: it hashes nothing, and whether a log
// file belongs to a manifest line is for the caller to compare. Nothing here
// keeps more than a few KiB in memory.
package logfile

import (
	"encoding/hex"
	"errors"
	"strconv"
)

// Names of the files beside the log files.
const (
	ManifestName   = "manifest.jsonl"
	CheckpointName = "checkpoint"
	RetiredName    = "retired"
)

// parseDecimal reads a number without sign, leading zero or any other second
// way to write it.
func parseDecimal(s string) (uint64, bool) {
	if len(s) > 1 && s[0] == '0' { // the one second way that ParseUint allows
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// ErrDigest is returned for a text that is not a digest.
var ErrDigest = errors.New("a digest is 64 lower-case hex digits")

// Digest is a SHA-256, in text 64 lower-case hex digits.
type Digest [32]byte

// ParseDigest reads exactly 64 lower-case hex digits. The error is [ErrDigest].
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) || !decodeHex(d[:], []byte(s)) {
		return Digest{}, ErrDigest
	}
	return d, nil
}

// decodeHex fills p from lower-case digits, twice as many as it has bytes.
func decodeHex(p, digits []byte) bool {
	for _, c := range digits {
		if 'A' <= c && c <= 'F' { // which the package hex reads too
			return false
		}
	}
	_, err := hex.Decode(p, digits)
	return err == nil
}

// String returns the digest as 64 lower-case hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText returns what String returns.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseDigest] reads.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
