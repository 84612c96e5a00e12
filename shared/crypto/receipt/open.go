package receipt

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
)

// maxProof is the depth of the deepest tree of at most MaxTree leaves.
const maxProof = 62

// Opened is a receipt whose signature and proof were verified.
type Opened struct {
	Origin     string // "sealpost/" and the logbook's id
	Line       []byte // the manifest line, without its line end
	Index      uint64 // the line's number in the tree, from 0
	Checkpoint Checkpoint
	Signed     []byte // the checkpoint's text, as OpenCheckpoint takes it
}

// Open checks a receipt against the pinned identities and takes it apart. The
// errors are ErrMalformed, ErrSignature and, when the signature is good but the
// tree does not hold that line at that index, ErrProof.
func Open(data []byte, pins identity.Pins) (Opened, error) {
	return openWith(data, func(signed []byte) (Checkpoint, error) { return OpenCheckpoint(signed, pins) })
}

func openWith(data []byte, openCheckpoint func([]byte) (Checkpoint, error)) (Opened, error) {
	p, err := parse(data)
	if err != nil {
		return Opened{}, err
	}
	checkpoint, err := openCheckpoint(p.signed)
	if err != nil {
		return Opened{}, err
	}
	err = tlog.CheckRecord(p.proof, int64(checkpoint.Size), checkpoint.Root, int64(p.index), tlog.RecordHash(p.line))
	if err != nil {
		return Opened{}, ErrProof
	}
	return Opened{
		Origin: checkpoint.Origin, Line: p.line, Index: p.index, Checkpoint: checkpoint, Signed: bytes.Clone(p.signed),
	}, nil
}

// LineOf returns the manifest line that a receipt holds, without verifying
// anything: what it says is for whom it trusts already. The error is ErrMalformed.
func LineOf(data []byte) ([]byte, error) {
	p, err := parse(data)
	return p.line, err
}

// SaysTheSame reports whether two receipts hold one manifest line, under one origin,
// whatever the trees are that prove it. Nothing is verified; of what is malformed none
// says the same as another.
func SaysTheSame(a, b []byte) bool {
	p, errP := parse(a)
	q, errQ := parse(b)
	originP, _, _ := bytes.Cut(p.signed, lineEnd)
	originQ, _, _ := bytes.Cut(q.signed, lineEnd)
	return errP == nil && errQ == nil && bytes.Equal(p.line, q.line) && bytes.Equal(originP, originQ)
}

// parts are what a receipt is made of: the arguments of New.
type parts struct {
	index  uint64
	line   []byte
	proof  tlog.RecordProof
	signed []byte // lies in the receipt
}

// parse takes a receipt apart (c2sp.org/tlog-proof) and accepts only what New
// writes. Whether the checkpoint is one it leaves open.
func parse(data []byte) (parts, error) {
	if len(data) > MaxSize {
		return parts{}, tooLong()
	}
	head, signed, found := bytes.Cut(data, []byte("\n\n"))
	first, rest, _ := bytes.Cut(head, lineEnd)
	extra, rest, _ := bytes.Cut(rest, lineEnd)
	number, hashes, hasHashes := bytes.Cut(rest, lineEnd)
	if !found || string(first) != header {
		return parts{}, fmt.Errorf("%w: its first line is not %q, or it has no checkpoint", ErrMalformed, header)
	}
	p := parts{signed: signed}
	var ok bool
	if p.line, ok = parseExtra(extra); !ok {
		return parts{}, fmt.Errorf("%w: its second line holds no manifest line", ErrMalformed)
	}
	if number, ok = bytes.CutPrefix(number, []byte(indexKey)); ok {
		p.index, ok = parseNumber(string(number))
	}
	if !ok {
		return parts{}, fmt.Errorf("%w: its third line is not an index", ErrMalformed)
	}
	if p.proof, ok = parseProof(hashes, hasHashes); !ok {
		return parts{}, fmt.Errorf("%w: its proof is not made of hashes", ErrMalformed)
	}
	return p, nil
}

var lineEnd = []byte("\n")

func parseExtra(text []byte) ([]byte, bool) {
	encoded, ok := bytes.CutPrefix(text, []byte(extraKey))
	if !ok {
		return nil, false
	}
	line, ok := decode64(encoded)
	return line, ok && validLine(line)
}

// parseProof reads hashes, one a line, the last without its line end.
func parseProof(text []byte, present bool) (tlog.RecordProof, bool) {
	if !present {
		return nil, true
	}
	lines := bytes.Count(text, lineEnd) + 1
	if lines > maxProof {
		return nil, false
	}
	proof := make(tlog.RecordProof, lines)
	for i := range proof {
		var line []byte
		line, text, _ = bytes.Cut(text, lineEnd)
		var ok bool
		if proof[i], ok = parseHash(line); !ok {
			return nil, false
		}
	}
	return proof, true
}

// parseNumber reads a number of leaves, at most MaxTree, in decimal without
// leading zeroes, the one second spelling that ParseUint takes.
func parseNumber(text string) (uint64, bool) {
	if len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n <= MaxTree
}

func parseHash(text []byte) (hash tlog.Hash, ok bool) {
	// The decoder wants room for a whole group, padded or not.
	var raw [tlog.HashSize + 1]byte
	if len(text) != strict64.EncodedLen(tlog.HashSize) {
		return tlog.Hash{}, false
	}
	if n, ok := decodeInto(raw[:], text); !ok || n != tlog.HashSize {
		return tlog.Hash{}, false
	}
	return tlog.Hash(raw[:tlog.HashSize]), true
}

// strict64 is standard base64 (RFC 4648, section 4) that refuses stray bits
// behind the last byte.
var strict64 = base64.StdEncoding.Strict()

// decode64 reads base64 in its one canonical spelling.
func decode64(text []byte) ([]byte, bool) {
	raw := make([]byte, strict64.DecodedLen(len(text)))
	n, ok := decodeInto(raw, text)
	return raw[:n], ok
}

// decodeInto is decode64 into room for strict64.DecodedLen bytes. Go's decoder
// passes over line ends, wherever they stand; the length tells.
func decodeInto(raw, text []byte) (int, bool) {
	n, err := strict64.Decode(raw, text)
	return n, err == nil && strict64.EncodedLen(n) == len(text)
}
