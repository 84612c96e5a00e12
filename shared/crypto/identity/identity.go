// Package identity holds the server's one long-lived key and everything that
// follows from it: the TLS certificate, the verifier key that is shown to
// people and pinned by senders, and the key that signs receipts.
//
// Guaranteed: a connection made with [Pins.ClientTLS] runs over TLS 1.3 with
// the ALPN protocol "sealpost/1" and the hybrid key exchange X25519MLKEM768,
// to a peer that holds the private half of a pinned key. A connection taken
// with [Identity.ServerTLS] or [ServerTLSWith] runs over TLS 1.3 with that
// ALPN protocol. Sessions are never resumed on either side.
//
// Not guaranteed: the names, the dates and the issuer in a certificate made
// here mean nothing and are not checked. The server does not learn from TLS
// who the client is, and it also takes clients that offer X25519 alone.
//
// One Ed25519 key signs three kinds of bytes, and none can be taken for
// another: a TLS 1.3 CertificateVerify starts with 64 spaces (RFC 8446,
// section 4.4.3), an X.509 certificate body with the byte 0x30, and a signed
// note with the text of its origin.
package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// pemType is the PEM label of a PKCS #8 private key (RFC 7468, section 10).
const pemType = "PRIVATE KEY"

var (
	// ErrPEM means that the bytes are not exactly one PEM block with a PKCS #8 key.
	ErrPEM = errors.New("not a single PKCS #8 private key in PEM form")
	// ErrKeyType means that the key is sound, but no Ed25519 key.
	ErrKeyType = errors.New("not an Ed25519 key")
	// ErrOrigin means that a note name is empty or has a space or a plus sign in it.
	ErrOrigin = errors.New("not a usable note origin")
)

// Identity is the server's Ed25519 key pair (RFC 8032). It is immutable, safe
// for concurrent use, and shows only its public half when it is printed.
type Identity struct {
	// A function, so that fmt shows an address wherever an Identity turns up;
	// it follows pointers, and asks no unexported field for its String.
	private func() ed25519.PrivateKey
}

func fromPrivate(key ed25519.PrivateKey) *Identity {
	return &Identity{private: func() ed25519.PrivateKey { return key }}
}

// Generate makes a new identity from the system's random source.
func Generate() (*Identity, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("generate identity: %w", err)
	}
	return fromPrivate(private), nil
}

// ParsePEM reads what [Identity.PEM] wrote: one PKCS #8 block (RFC 5958) and
// nothing else. The errors are ErrPEM and ErrKeyType; they quote no input.
func ParsePEM(data []byte) (*Identity, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemType || len(rest) != 0 {
		return nil, ErrPEM
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, ErrPEM
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, ErrKeyType
	}
	return fromPrivate(private), nil
}

// PEM returns the private key as one PKCS #8 block (RFC 5958). It is a secret.
func (id *Identity) PEM() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(id.private())
	if err != nil {
		return nil // cannot happen: the key is an Ed25519 key of full length
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
}

// Public returns the public half, 32 bytes.
func (id *Identity) Public() ed25519.PublicKey {
	return id.private().Public().(ed25519.PublicKey)
}

// VerifierKey returns the public half in the form that people copy and pin:
// the verifier key of a signed note (c2sp.org/signed-note),
// ORIGIN+HASH+KEY, with HASH 8 hex digits and KEY base64.
func (id *Identity) VerifierKey(origin string) string {
	return verifierKey(origin, id.Public())
}

// Signer returns a signer of notes under the name origin, which must be
// non-empty and hold neither white space nor "+" (else ErrOrigin).
func (id *Identity) Signer(origin string) (note.Signer, error) {
	verifier, err := note.NewVerifier(id.VerifierKey(origin))
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrOrigin, origin)
	}
	return &signer{Verifier: verifier, id: id}, nil
}

// String returns the verifier key under the fixed origin "identity".
func (id *Identity) String() string { return id.VerifierKey("identity") }

// GoString keeps %#v from printing the private key.
func (id *Identity) GoString() string { return id.String() }

// signer takes name and key hash from the verifier, so that the private key is
// never turned into text on the way to the note package.
type signer struct {
	note.Verifier
	id *Identity
}

func (s *signer) Sign(msg []byte) ([]byte, error) {
	return ed25519.Sign(s.id.private(), msg), nil
}

func verifierKey(origin string, key ed25519.PublicKey) string {
	text, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return "" // cannot happen: every key here has 32 bytes
	}
	return text
}
