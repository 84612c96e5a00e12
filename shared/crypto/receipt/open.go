package receipt

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

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
	return open(data, func(signed []byte) (Checkpoint, error) { return OpenCheckpoint(signed, pins) })
}

func open(data []byte, openCheckpoint func([]byte) (Checkpoint, error)) (Opened, error) {
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
		Origin: checkpoint.Origin, Line: p.line, Index: p.index, Checkpoint: checkpoint, Signed: p.signed,
	}, nil
}

// parts are what a receipt is made of: the arguments of New.
type parts struct {
	index  uint64
	line   []byte
	proof  tlog.RecordProof
	signed []byte
}

// parse takes a receipt apart (c2sp.org/tlog-proof) and accepts only what New
// writes. Whether the checkpoint is one it leaves open.
func parse(data []byte) (parts, error) {
	if len(data) > MaxSize {
		return parts{}, tooLong()
	}
	head, signed, found := strings.Cut(string(data), "\n\n")
	first, rest, _ := strings.Cut(head, "\n")
	extra, rest, _ := strings.Cut(rest, "\n")
	number, hashes, hasHashes := strings.Cut(rest, "\n")
	if !found || first != header {
		return parts{}, fmt.Errorf("%w: its first line is not %q, or it has no checkpoint", ErrMalformed, header)
	}
	p := parts{signed: []byte(signed)}
	var ok bool
	if p.line, ok = parseExtra(extra); !ok {
		return parts{}, fmt.Errorf("%w: its second line holds no manifest line", ErrMalformed)
	}
	if number, ok = strings.CutPrefix(number, indexKey); ok {
		p.index, ok = parseNumber(number)
	}
	if !ok {
		return parts{}, fmt.Errorf("%w: its third line is no index", ErrMalformed)
	}
	if p.proof, ok = parseProof(hashes, hasHashes); !ok {
		return parts{}, fmt.Errorf("%w: its proof is not made of hashes", ErrMalformed)
	}
	return p, nil
}

func parseExtra(text string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(text, extraKey)
	if !ok {
		return nil, false
	}
	line, ok := decode64(encoded)
	return line, ok && validLine(line)
}

// parseProof reads hashes, one a line, the last without its line end.
func parseProof(text string, present bool) (tlog.RecordProof, bool) {
	if !present {
		return nil, true
	}
	lines := strings.SplitN(text, "\n", maxProof+1)
	if len(lines) > maxProof {
		return nil, false
	}
	proof := make(tlog.RecordProof, len(lines))
	for i, line := range lines {
		var ok bool
		if proof[i], ok = parseHash(line); !ok {
			return nil, false
		}
	}
	return proof, true
}

// parseNumber reads a number of leaves, at most MaxTree, in decimal without
// leading zeroes.
func parseNumber(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n <= MaxTree && strconv.FormatUint(n, 10) == text
}

func parseHash(text string) (tlog.Hash, bool) {
	raw, ok := decode64(text)
	if !ok || len(raw) != tlog.HashSize {
		return tlog.Hash{}, false
	}
	return tlog.Hash(raw), true
}

// decode64 reads standard base64 (RFC 4648, section 4) in its one canonical
// spelling. Go's decoder passes over line ends, and over stray bits behind the
// last byte, so what was read is written again.
func decode64(text string) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(text)
	return raw, err == nil && base64.StdEncoding.EncodeToString(raw) == text
}
