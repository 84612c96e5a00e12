// Package cipher2012 is the cipher of the course project of 2012 that Sealpost
// comes from, byte for byte: blocks of 32 bytes, each reversed and XORed with
// the key, then base64. docs/PROTOCOL.md specifies it.
//
// It protects nothing. Every block meets the same key, so one known or guessed
// block gives the key away; nothing detects a change; and on both wires the
// key travels with the message. Protection comes from the TLS around it. The
// package guarantees the exact bytes of 2012, constant memory, and that only a
// text which [Encrypt] makes is accepted by [Decrypt]: strict base64 without
// line breaks and with zero trailing bits, and strict padding.
package cipher2012

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
)

// Sizes in bytes.
const (
	KeySize   = 32
	BlockSize = 32
)

// Errors of decryption. None of them holds a byte of key or message.
var (
	ErrBase64  = errors.New("cipher2012: the text is not strict base64")
	ErrLength  = errors.New("cipher2012: the length is not a positive multiple of the block size")
	ErrPadding = errors.New("cipher2012: the padding is wrong")
	ErrClosed  = errors.New("cipher2012: write after close")
)

// Key is the key of the cipher. It prints as a mask.
type Key [KeySize]byte

// String returns a mask, never the key.
func (Key) String() string { return "(cipher2012 key)" }

// GoString returns a mask, never the key.
func (k Key) GoString() string { return k.String() }

// deriveRounds is how often the password is hashed in again.
const deriveRounds = 20

// DeriveKey returns the key of a password: h = SHA-256(password), then 20
// times h = SHA-256(h || password), with h as 32 raw bytes. It is quick to try
// passwords against, as it was in 2012.
func DeriveKey(password string) Key {
	h := sha256.Sum256([]byte(password))
	in := make([]byte, sha256.Size+len(password))
	copy(in[sha256.Size:], password)
	for range deriveRounds {
		copy(in, h[:])
		h = sha256.Sum256(in)
	}
	return h
}

// EncryptedLen returns the length in bytes of the base64 text of a message of
// plainLen bytes. Where that does not fit in 64 bits it returns the largest
// number there is.
func EncryptedLen(plainLen uint64) uint64 {
	const most = math.MaxUint64/4*3 - BlockSize
	if plainLen > most {
		return math.MaxUint64
	}
	padded := (plainLen/BlockSize + 1) * BlockSize
	return (padded + 2) / 3 * 4
}

// Encrypt returns the base64 text of a message.
func Encrypt(key Key, plain []byte) []byte {
	var out bytes.Buffer
	out.Grow(int(EncryptedLen(uint64(len(plain)))))
	e := NewEncrypter(key, &out)
	_, _ = e.Write(plain) // a bytes.Buffer takes everything
	e.Close()
	return out.Bytes()
}

// Decrypt returns the message of a base64 text. The errors are [ErrBase64],
// [ErrLength] and [ErrPadding].
func Decrypt(key Key, text []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(text) / 4 * 3)
	d := NewDecrypter(key, &out)
	if _, err := d.Write(text); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
