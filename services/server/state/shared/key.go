package shared

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Key is what all servers of a cluster have, and nobody else: it seals what they share. It
// is an age identity (X25519; age-encryption.org/v1), one line of text.
type Key struct{ identity *age.X25519Identity }

// ErrKey means that a text is no key, without showing it.
var ErrKey = errors.New("not a cluster key (AGE-SECRET-KEY-1 and 58 characters)")

// NewKey makes a key.
func NewKey() (Key, error) {
	identity, err := age.GenerateX25519Identity()
	return Key{identity}, err
}

// ParseKey reads a key. White space around it, and lines that begin with #, do not count.
func ParseKey(text string) (Key, error) {
	var found []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		return Key{}, ErrKey
	}
	identity, err := age.ParseX25519Identity(found[0])
	if err != nil {
		return Key{}, ErrKey
	}
	return Key{identity}, nil
}

// Reveal returns the text of the key.
func (k Key) Reveal() string { return k.identity.String() }

// String does not.
func (k Key) String() string { return "AGE-SECRET-KEY-(masked)" }

// GoString does not either.
func (k Key) GoString() string { return k.String() }

const secretSize = 32 // bytes

// Secret derives another secret from the key (HKDF with SHA-256, RFC 5869), one for each
// purpose: 32 bytes, of which none tells anything of another one or of the key.
func (k Key) Secret(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(k.Reveal()), nil, "sealpost "+purpose, secretSize)
}

// seal returns another text each time.
func (k Key) seal(text []byte) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, k.identity.Recipient())
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

// ErrSealed means that what the servers share was not sealed with this server's key.
var ErrSealed = errors.New("not sealed with this server's cluster key")

func (k Key) open(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return text, nil
}
