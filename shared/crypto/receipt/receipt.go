// Package receipt signs and opens receipts: the server's word that a message
// is in the logbook, as a signed note (c2sp.org/signed-note).
//
// The text of a receipt has three lines: the origin, "sealpost/" and the
// logbook's id; the form, "receipt v0"; the message's manifest line, byte for
// byte. An empty line and the signature follow. Callers hand receipts on as
// opaque bytes, since later forms will carry more.
//
// Guaranteed: what Open returns was signed by one of the pinned identities,
// under that origin. Not guaranteed: that the line is a sound manifest line,
// or that it is about the message one has in mind; the caller checks both.
package receipt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/identity"
)

const (
	// FileSuffix is added to a message file's name for its receipt.
	FileSuffix = ".receipt"
	// MaxSize is the most bytes a receipt may have.
	MaxSize = 64 << 10

	originPrefix = "sealpost/"
	form         = "receipt v0"
	textLines    = 3
)

var (
	// ErrMalformed means that the bytes are no receipt of a known form.
	ErrMalformed = errors.New("not a receipt")
	// ErrSignature means that no pinned identity signed this receipt, or that
	// it was changed afterwards.
	ErrSignature = errors.New("the receipt's signature is not of a pinned identity")
	// ErrLine means that a line cannot stand in a receipt: it is empty, too
	// long, no UTF-8, or holds a control character.
	ErrLine = errors.New("not a line that a receipt can hold")
)

// Opened is a receipt whose signature was verified.
type Opened struct {
	Origin string // "sealpost/" and the logbook's id
	Line   []byte // the manifest line, without its line end
}

// Origin returns the name under which a logbook's receipts are signed.
func Origin(logbookID string) string { return originPrefix + logbookID }

// Sign makes a receipt for a manifest line (without line end). Equal arguments
// give equal bytes, at most 64 KiB. Errors: ErrLine, identity.ErrOrigin.
func Sign(id *identity.Identity, logbookID string, line []byte) ([]byte, error) {
	if len(line) == 0 || bytes.IndexByte(line, '\n') >= 0 {
		return nil, ErrLine
	}
	signer, err := id.Signer(Origin(logbookID))
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: text(Origin(logbookID), line)}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign receipt: %w", err)
	}
	// The note package signs texts that it then refuses to open.
	if _, err := Open(signed, identity.Pins{{Key: id.Public()}}); err != nil {
		return nil, ErrLine
	}
	return signed, nil
}

// Open checks a receipt against the pinned identities and takes it apart.
// Errors: ErrMalformed, ErrSignature. Signatures by others, such as
// witnesses, may stand beside the server's.
func Open(data []byte, pins identity.Pins) (Opened, error) {
	if len(data) > MaxSize {
		return Opened{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxSize)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	origin := string(first)
	if !strings.HasPrefix(origin, originPrefix) {
		return Opened{}, fmt.Errorf("%w: it names no logbook", ErrMalformed)
	}
	verifiers, err := pins.Verifiers(origin)
	if err != nil {
		return Opened{}, fmt.Errorf("%w: it names no logbook", ErrMalformed)
	}
	opened, err := note.Open(data, verifiers)
	if err != nil {
		return Opened{}, openError(err)
	}
	if !canonical(opened.Sigs) || !canonical(opened.UnverifiedSigs) {
		return Opened{}, fmt.Errorf("%w: a signature is not in canonical base64", ErrMalformed)
	}
	lines := strings.Split(strings.TrimSuffix(opened.Text, "\n"), "\n")
	if len(lines) != textLines || lines[1] != form || lines[2] == "" {
		return Opened{}, fmt.Errorf("%w: not of the form %q", ErrMalformed, form)
	}
	return Opened{Origin: origin, Line: []byte(lines[2])}, nil
}

// canonical refuses base64 with stray bits behind its last byte, which the note
// package lets pass: a receipt has one spelling.
func canonical(sigs []note.Signature) bool {
	for _, sig := range sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return false
		}
	}
	return true
}

func text(origin string, line []byte) string {
	return origin + "\n" + form + "\n" + string(line) + "\n"
}

func openError(err error) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	if errors.As(err, &unverified) || errors.As(err, &invalid) {
		return ErrSignature
	}
	return ErrMalformed
}
