// Package receipt makes and opens receipts, the server's word that a message is
// in the logbook, and the checkpoints that they rest on.
//
// Manifest line N is leaf N of a Merkle tree (RFC 6962, section 2.1; the leaf's
// data is the line without its "\n"). A checkpoint is a signed note that names
// the tree's size and root (c2sp.org/tlog-checkpoint). A receipt is a proof that
// a line is a leaf of such a tree (c2sp.org/tlog-proof): the line, its index, the
// hashes from the leaf up to the root, and the checkpoint. One signature serves
// all messages of a commit.
//
// Guaranteed: what Open returns is in a tree that one of the pinned identities
// signed, under that origin; and a receipt has one spelling: what opens is what
// [New] makes of its parts. Not guaranteed: that the line is a sound manifest
// line, that the index is the number in it, that it is about the message one has
// in mind, or that others were shown the same tree; the caller checks these.
package receipt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// FileSuffix is added to a message file's name for its receipt
	// (c2sp.org/tlog-proof).
	FileSuffix = ".tlog-proof"
	// MaxSize is the most bytes a receipt or a checkpoint may have.
	MaxSize = 64 << 10
	// MaxLine is the most bytes a line in a receipt may have: those of the
	// longest manifest line.
	MaxLine = 4096

	originPrefix = "sealpost/"
	header       = "c2sp.org/tlog-proof@v1"
	extraKey     = "extra "
	indexKey     = "index "
)

var (
	// ErrMalformed means that the bytes are not a receipt or not a checkpoint of a
	// known form.
	ErrMalformed = errors.New("not a well-formed receipt or checkpoint")
	// ErrSignature means that no pinned identity signed the checkpoint, or that
	// it was changed afterwards.
	ErrSignature = errors.New("the signature is not of a pinned identity")
	// ErrProof means that the line is not in the tree that was signed: line,
	// index or proof were changed, or belong to another receipt.
	ErrProof = errors.New("the proof does not lead from the line to the signed tree")
	// ErrLine means that a line cannot stand in a receipt: it is empty, longer
	// than MaxLine, no UTF-8, or holds a line end or another control character.
	ErrLine = errors.New("not a line that a receipt can hold")
)

// Origin returns the name under which a logbook's checkpoints are signed.
func Origin(logbookID string) string { return originPrefix + logbookID }

// New returns the text of a receipt: the manifest line at index (from 0, without
// line end), the proof that the checkpoint's tree has it there, and the text of
// the checkpoint. Only the form of the line is checked (ErrLine) and the size of
// the whole (ErrMalformed), so that it costs next to nothing: what the proof and
// the checkpoint say is for the caller to have right. Equal arguments give equal
// bytes.
func New(index uint64, line []byte, proof tlog.RecordProof, checkpoint []byte) ([]byte, error) {
	if !validLine(line) {
		return nil, ErrLine
	}
	text := append(make([]byte, 0, sizeOf(line, proof, checkpoint)), header+"\n"+extraKey...)
	text = base64.StdEncoding.AppendEncode(text, line)
	text = append(text, "\n"+indexKey...)
	text = append(strconv.AppendUint(text, index, 10), '\n')
	for _, hash := range proof {
		text = append(base64.StdEncoding.AppendEncode(text, hash[:]), '\n')
	}
	text = append(append(text, '\n'), checkpoint...)
	if len(text) > MaxSize {
		return nil, tooLong()
	}
	return text, nil
}

// sizeOf is the size of a receipt whose index has as many digits as it can.
func sizeOf(line []byte, proof tlog.RecordProof, checkpoint []byte) int {
	const fixed = len(header+"\n"+extraKey+"\n"+indexKey+"18446744073709551615"+"\n") + len("\n")
	hash := base64.StdEncoding.EncodedLen(tlog.HashSize) + len("\n")
	return fixed + base64.StdEncoding.EncodedLen(len(line)) + len(proof)*hash + len(checkpoint)
}

func validLine(line []byte) bool {
	return len(line) > 0 && len(line) <= MaxLine && utf8.Valid(line) && !hasControl(line)
}

// hasControl looks for Unicode's control characters (C0, DEL, C1) in UTF-8, in
// which those of C1 are 0xc2 and a byte below 0xa0.
func hasControl(line []byte) bool {
	for i, c := range line {
		if c < 0x20 || c == 0x7f || c == 0xc2 && line[i+1] < 0xa0 {
			return true
		}
	}
	return false
}

func tooLong() error {
	return fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxSize)
}
