// Package token makes and reads the tokens by which senders are known.
//
// A token is "sealpost:SENDER:SECRET" with SECRET 256 random bits in 43
// characters of base64url without padding (RFC 4648, section 5). The prefix
// lets secret scanners recognise one. The secret is random and long, so that a
// plain SHA-256 of it can be kept without salt or stretching.
//
// Guaranteed: a token prints masked, however it is printed, and no error
// quotes one. Not guaranteed: secrets are not wiped from memory.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"sealpost/shared/message"
)

const (
	// Prefix starts every token.
	Prefix = "sealpost:"

	secretSize = 32 // bytes, 256 bits
	secretText = 43 // characters of base64url
)

// ErrMalformed means that a text is not a token. It does not say what is wrong
// with it: the text may be a secret with one slip in it.
var ErrMalformed = errors.New("not a token (the form is sealpost:SENDER:SECRET)")

// encoding is strict: a secret has one spelling only.
var encoding = base64.RawURLEncoding.Strict()

// Token is one sender's token. The zero value is not a token and reveals nothing.
type Token struct {
	sender string
	// A pointer, because fmt prints an unexported field of a caller's struct
	// without asking for String; so it shows an address.
	secret *string
}

// New makes a token with 256 fresh random bits for a sender; an error comes
// from message.CheckSender.
func New(sender string) (Token, error) {
	if err := message.CheckSender(sender); err != nil {
		return Token{}, err
	}
	var raw [secretSize]byte
	rand.Read(raw[:])
	secret := encoding.EncodeToString(raw[:])
	return Token{sender: sender, secret: &secret}, nil
}

// Parse reads a token; the only error is ErrMalformed.
func Parse(s string) (Token, error) {
	rest, ok := strings.CutPrefix(s, Prefix)
	sender, secret, found := strings.Cut(rest, ":")
	if !ok || !found || message.CheckSender(sender) != nil || len(secret) != secretText {
		return Token{}, ErrMalformed
	}
	// The decoder skips line breaks; the length then falls short.
	if raw, err := encoding.DecodeString(secret); err != nil || len(raw) != secretSize {
		return Token{}, ErrMalformed
	}
	return Token{sender: sender, secret: &secret}, nil
}

// Claimed returns what a text that is no valid token gives as its sender, for
// people to see: not longer than a sender's name may be, and escaped. It is "" where the text has not
// the form of a token, or has a secret in the name's place: nothing of what may be a
// secret is shown.
func Claimed(text string) string {
	rest, ok := strings.CutPrefix(text, Prefix)
	name, _, found := strings.Cut(rest, ":")
	if !ok || !found || len(name) == secretText && holdsSecret(name) {
		return ""
	}
	return message.Visible(message.Cut(name, message.MaxSender))
}

func holdsSecret(text string) bool {
	_, err := encoding.DecodeString(text)
	return err == nil
}

// Sender returns the sender's name that stands in the token.
func (t Token) Sender() string { return t.sender }

// Reveal returns the whole token, a secret; "" for the zero value.
func (t Token) Reveal() string {
	if t.secret == nil {
		return ""
	}
	return Prefix + t.sender + ":" + *t.secret
}

// Hash returns the SHA-256 of the whole token: what the server keeps.
func (t Token) Hash() [32]byte { return sha256.Sum256([]byte(t.Reveal())) }

// String returns the token with its secret masked.
func (t Token) String() string { return Prefix + t.sender + ":…" }

// Format masks the token under every verb of package fmt.
func (t Token) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// MarshalText masks the token in JSON and in logs.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
