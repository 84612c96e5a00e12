package receipt

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/identity"
)

// signNote signs a text, whose first line is origin, with each of the identities.
func signNote(origin, text string, ids []*identity.Identity) ([]byte, error) {
	if len(ids) == 0 {
		return nil, ErrUnsigned
	}
	var signers []note.Signer
	for _, id := range ids {
		signer, err := id.Signer(origin)
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", origin, err)
	}
	return signed, nil
}

// openNote checks form, origin and signatures of a note, in this order, and returns
// its text.
func openNote(signed []byte, pins identity.Pins, valid func(origin string) bool) (origin, text string, err error) {
	if err := checkNote(signed); err != nil {
		return "", "", err
	}
	first, _, _ := bytes.Cut(signed, lineEnd)
	origin = string(first)
	if !valid(origin) {
		return "", "", errNoLogbook()
	}
	verifiers, err := pins.Verifiers(origin)
	if err != nil {
		return "", "", errNoLogbook()
	}
	opened, err := note.Open(signed, verifiers)
	if err != nil {
		return "", "", ErrSignature // its form is that of a note
	}
	return origin, opened.Text, nil
}

// checkNote checks the form of a signed note to its end. The note package stops
// at the first signature that does not hold, and without a key there is none.
func checkNote(text []byte) error {
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(text, nil); !errors.As(err, &unverified) {
		return fmt.Errorf("%w: it is not a signed note", ErrMalformed)
	}
	if !canonicalSignatures(text) {
		return fmt.Errorf("%w: a signature is not in canonical base64", ErrMalformed)
	}
	return nil
}

// canonicalSignatures refuses base64 with stray bits behind its last byte,
// which the note package lets pass, and looks at the repeated signatures too,
// which it drops. It expects the form of a note.
func canonicalSignatures(text []byte) bool {
	block := text[bytes.LastIndex(text, []byte("\n\n"))+2:]
	for line := range bytes.Lines(block) {
		line = bytes.TrimSuffix(line, lineEnd)
		if _, ok := decode64(line[bytes.LastIndexByte(line, ' ')+1:]); !ok {
			return false
		}
	}
	return true
}

func errNoLogbook() error {
	return fmt.Errorf("%w: its first line names no logbook", ErrMalformed)
}
