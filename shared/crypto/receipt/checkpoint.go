package receipt

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
)

// MaxTree bounds the size of a tree, in leaves. The tlog package counts in
// signed numbers, and loops for ever over trees twice as large.
const MaxTree = 1<<62 - 1

// textLines is how many lines of a checkpoint have a meaning: origin, size,
// root. Extension lines behind them are discouraged by c2sp.org/tlog-checkpoint,
// so ours has none, and those of others are passed over.
const textLines = 3

var (
	// ErrSize means that a tree is larger than MaxTree.
	ErrSize = errors.New("a tree of that size cannot be signed")
	// ErrUnsigned means that a checkpoint was to be signed by nobody.
	ErrUnsigned = errors.New("no identity to sign with")
)

// Checkpoint is what is signed of a tree (c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string    // "sealpost/" and the logbook's id
	Size   uint64    // leaves, at most MaxTree
	Root   tlog.Hash // RFC 6962, section 2.1
}

// text is the note that is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// SignCheckpoint returns c as a note signed by each of the identities
// (c2sp.org/signed-note): one, or two while clients still pin the one that is
// being replaced. Equal arguments give equal bytes. It is for the caller to sign
// no two trees of which one does not extend the other. Errors:
// identity.ErrOrigin, ErrSize, ErrUnsigned.
func SignCheckpoint(c Checkpoint, ids ...*identity.Identity) ([]byte, error) {
	if !validOrigin(c.Origin) {
		return nil, fmt.Errorf("%w: %q", identity.ErrOrigin, c.Origin)
	}
	if c.Size > MaxTree {
		return nil, ErrSize
	}
	return signNote(c.Origin, c.text(), ids)
}

// OpenCheckpoint checks a signed checkpoint against the pinned identities.
// Of a pin only the key counts: the verifiers are formed from the checkpoint's
// own origin. Signatures by others, such as witnesses, may stand beside the
// server's. The form of the whole note is judged before any signature, and what
// the text says behind its origin after them, so that one fault has one name
// wherever it stands. Errors: ErrMalformed, ErrSignature.
func OpenCheckpoint(text []byte, pins identity.Pins) (Checkpoint, error) {
	if len(text) > MaxSize {
		return Checkpoint{}, tooLong()
	}
	_, opened, err := openNote(text, pins, validOrigin)
	if err != nil {
		return Checkpoint{}, err
	}
	return parseCheckpoint(opened)
}

// validOrigin: the note package signs names with control characters and then
// refuses to open what it signed.
func validOrigin(origin string) bool {
	return strings.HasPrefix(origin, originPrefix) && strings.IndexFunc(origin, unicode.IsControl) < 0
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1] // behind the last "\n" stands nothing
	for _, line := range lines {
		if line == "\n" {
			return Checkpoint{}, fmt.Errorf("%w: the checkpoint has an empty line", ErrMalformed)
		}
	}
	if len(lines) < textLines {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint has fewer than %d lines", ErrMalformed, textLines)
	}
	size, ok := parseNumber(strings.TrimSuffix(lines[1], "\n"))
	if !ok {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint's second line is not a tree size", ErrMalformed)
	}
	root, ok := parseHash([]byte(strings.TrimSuffix(lines[2], "\n")))
	if !ok {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint's third line is not a hash", ErrMalformed)
	}
	return Checkpoint{Origin: strings.TrimSuffix(lines[0], "\n"), Size: size, Root: root}, nil
}
