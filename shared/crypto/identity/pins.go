package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

// maxPins bounds a list of pins. Two are in use while an identity is replaced.
const maxPins = 16

// ErrPins is what every error of [ParsePins] is (errors.Is).
var ErrPins = errors.New("not a list of server identities")

// Pin is one server identity that a client accepts.
type Pin struct {
	Origin string            // the name in front of the key; for people only
	Key    ed25519.PublicKey // the only part that is compared
}

// String returns the pin as a verifier key.
func (p Pin) String() string { return verifierKey(p.Origin, p.Key) }

// Pins are the server identities that a client accepts, usually one.
type Pins []Pin

// ParsePins reads verifier keys (c2sp.org/signed-note) of Ed25519 keys,
// separated by commas, with white space around each ignored: 1 to 16 of them.
// A name has no control character, as the origin of a checkpoint has none.
// A key's own hash must fit, which catches slips of copying. Errors are
// ErrPins and quote nothing of the input, which may be a secret in the wrong
// place.
func ParsePins(s string) (Pins, error) {
	parts := strings.Split(s, ",")
	if strings.TrimSpace(s) == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrPins)
	}
	if len(parts) > maxPins {
		return nil, fmt.Errorf("%w: more than %d", ErrPins, maxPins)
	}
	var pins Pins
	for i, part := range parts {
		pin, err := parsePin(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%w: number %d: %w", ErrPins, i+1, err)
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

func parsePin(s string) (Pin, error) {
	if _, err := note.NewVerifier(s); err != nil {
		return Pin{}, fmt.Errorf("%w (the form is NAME+HASH+KEY)", err)
	}
	origin, rest, _ := strings.Cut(s, "+")
	if strings.IndexFunc(origin, unicode.IsControl) >= 0 {
		return Pin{}, errors.New("the name has a control character")
	}
	_, key64, _ := strings.Cut(rest, "+") // the base64 may hold further pluses
	raw, err := base64.StdEncoding.Strict().DecodeString(key64)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return Pin{}, errors.New("the key is not in canonical base64")
	}
	pin := Pin{Origin: origin, Key: ed25519.PublicKey(raw[1:])}
	if pin.String() != s {
		return Pin{}, errors.New("the key is not in its canonical form")
	}
	return pin, nil
}

// String returns the pins in the form that [ParsePins] reads.
func (p Pins) String() string {
	return strings.Join(p.list(), ",")
}

// UnmarshalText makes Pins usable as a setting; an empty text gives no pins.
func (p *Pins) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = nil
		return nil
	}
	pins, err := ParsePins(string(text))
	if err != nil {
		return err
	}
	*p = pins
	return nil
}

// Has reports whether key is one of the pinned keys.
func (p Pins) Has(key ed25519.PublicKey) bool {
	return slices.ContainsFunc(p, func(pin Pin) bool { return bytes.Equal(pin.Key, key) })
}

// Verifiers returns what opens notes signed under the name origin by any of
// the pinned keys. The pins' own origins do not count: a new logbook under the
// same identity needs no new pin. ErrOrigin when origin cannot be a name.
func (p Pins) Verifiers(origin string) (note.Verifiers, error) {
	var verifiers []note.Verifier
	var seen Pins
	for _, pin := range p {
		if seen.Has(pin.Key) {
			continue // the note package takes a repeated key for an attack
		}
		seen = append(seen, pin)
		verifier, err := note.NewVerifier(verifierKey(origin, pin.Key))
		if err != nil {
			return nil, fmt.Errorf("%w: %q", ErrOrigin, origin)
		}
		verifiers = append(verifiers, verifier)
	}
	return note.VerifierList(verifiers...), nil
}

func (p Pins) list() []string {
	var texts []string
	for _, pin := range p {
		texts = append(texts, pin.String())
	}
	return texts
}
