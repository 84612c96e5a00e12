// Package message holds the words every part of Sealpost shares: the id of a
// message, the cipher it is enciphered with, the rules for its name and for
// the name of its sender, and the escaping that makes a foreign string safe to
// show.
//
// The package does no input or output. A name that passed [CheckName] or
// [CheckSender] fits on one line of UTF-8 text; it is still data from a
// stranger and never a path. The escapes of [Visible] are for people and
// cannot be undone: a backslash stays a backslash.
package message

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// IDSize is the length of a message id in bytes; its text has twice as many digits.
const IDSize = 16

// ErrID is returned, wrapped, for a text that is not a message id.
var ErrID = errors.New("a message id is 32 lower-case hex digits")

// ErrCipher is returned, wrapped, for a word that names no cipher.
var ErrCipher = errors.New(`the ciphers are "none" and "2012"`)

// ID is the 128-bit id of a message, chosen by its sender. Together with the
// sender's name it stands for one message for ever.
type ID [IDSize]byte

// NewID returns a random id.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails: the runtime ends the program instead
	return id
}

// ParseID reads exactly 32 lower-case hex digits. The error is [ErrID].
func ParseID(s string) (ID, error) {
	var id ID
	if !lowerHex(s, 2*IDSize) {
		return ID{}, fmt.Errorf("%q: %w", clip(s), ErrID)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, ErrID
	}
	return id, nil
}

// String returns the id as 32 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns what String returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what [ParseID] reads.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Cipher says how a message is enciphered inside the connection that carries it.
type Cipher string

// The ciphers. Neither replaces TLS: the 2012 cipher travels with its key.
const (
	None       Cipher = "none"
	Cipher2012 Cipher = "2012"
)

// ParseCipher reads the name of a cipher. The error is [ErrCipher].
func ParseCipher(s string) (Cipher, error) {
	switch c := Cipher(s); c {
	case None, Cipher2012:
		return c, nil
	}
	return "", fmt.Errorf("%q: %w", clip(s), ErrCipher)
}

func lowerHex(s string, digits int) bool {
	if len(s) != digits {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// clip bounds what an error repeats of a foreign string.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
