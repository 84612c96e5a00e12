package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ALPN names the wire and its version in the TLS handshake (RFC 7301).
const ALPN = "sealpost/1"

var (
	// ErrALPN means that the peer did not agree to speak sealpost/1.
	ErrALPN = errors.New("the peer does not speak " + ALPN)
	// ErrProtocol means that a connection came about with less than TLS 1.3
	// and, on the client's side, X25519MLKEM768.
	ErrProtocol = errors.New("the connection is weaker than demanded")
	// ErrNoCertificate means that a CA file holds no certificate.
	ErrNoCertificate = errors.New("no certificate in PEM form")
	// ErrNoPins means that a client was given no identity to compare with.
	ErrNoPins = errors.New("no server identity to compare with")
)

// MismatchError says that the server is not one of the pinned ones. Got and
// Want are verifier keys; Got bears the first pin's origin so that the keys
// can be compared by eye, or says what was found instead of an Ed25519 key.
type MismatchError struct {
	Got       string
	Want      []string
	Operators bool // the certificate is not one that an identity makes
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the server's identity is %s, expected %s", e.Got, strings.Join(e.Want, " or "))
}

// ServerTLS returns the server's side with the identity's own certificate.
// The config is the caller's to keep; it is safe for concurrent use.
func (id *Identity) ServerTLS() (*tls.Config, error) {
	cert, err := id.Certificate()
	if err != nil {
		return nil, err
	}
	return ServerTLSWith(cert), nil
}

// ServerTLSWith returns the server's side with a certificate of the operator's.
// TLS 1.3 and the ALPN protocol are demanded as with ServerTLS.
func ServerTLSWith(cert tls.Certificate) *tls.Config {
	return ServerTLSFunc(func() *tls.Certificate { return &cert })
}

// noALPN is the fatal alert no_application_protocol: RFC 8446, sections 5.1 and 6;
// RFC 7301, section 3.2. Of an error in GetConfigForClient crypto/tls says
// internal_error, and whoever writes a client would look for the fault here. So
// the right alert goes first, and the connection ends with it: what crypto/tls
// sends behind it nobody reads.
var noALPN = []byte{21, 3, 3, 0, 2, 2, 120}

// ServerTLSFunc is ServerTLSWith for a certificate that may be replaced: each
// handshake shows what current returns then. current is called by many
// goroutines at once, and what it returned must not be changed.
func ServerTLSFunc(current func() *tls.Certificate) *tls.Config {
	config := baseTLS()
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current(), nil }
	// X25519 alone is for clients in other languages. The hybrid wins where both have it.
	config.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519}
	// crypto/tls lets a client pass that offers no ALPN at all, so it is looked
	// at here, before a key is computed or anything is signed.
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			return nil, nil // crypto/tls says so
		}
		if !slices.Contains(hello.SupportedProtos, ALPN) {
			_, _ = hello.Conn.Write(noALPN)
			return nil, ErrALPN
		}
		return nil, nil
	}
	config.VerifyConnection = checkProtocol
	return config
}

// ClientTLS returns the client's side: it accepts a server whose certificate
// carries a pinned key, whatever else the certificate says. Handshake errors
// are *MismatchError, ErrALPN, ErrProtocol and ErrNoPins, besides those of
// crypto/tls.
func (p Pins) ClientTLS() *tls.Config {
	config := clientTLS()
	// Chain, name and dates are not checked, on purpose. crypto/tls still
	// verifies that the peer holds the private key of the leaf certificate
	// (CertificateVerify), so comparing that leaf's key is the whole check.
	// Without session tickets it runs in full on every connection.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if err := checkClient(state); err != nil {
			return err
		}
		return p.check(state.PeerCertificates)
	}
	return config
}

// ClientTLSWithCA returns the client's side for a server with an operator's
// certificate, which must chain to a certificate in caPEM and be valid for
// serverName. ErrNoCertificate when caPEM holds none.
func ClientTLSWithCA(caPEM []byte, serverName string) (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(caPEM) {
		return nil, ErrNoCertificate
	}
	config := clientTLS()
	config.RootCAs = pool
	config.ServerName = serverName
	config.VerifyConnection = checkClient
	return config, nil
}

// OutOfDate reports whether a handshake failed because the server's certificate
// has expired or is not valid yet: it may be renewed any minute, and the clock
// may be set.
func OutOfDate(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func clientTLS() *tls.Config {
	config := baseTLS()
	// The hybrid alone: what is recorded today must not fall to a quantum
	// computer later, and a client that also offered X25519 could be led there.
	config.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	return config
}

func baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{ALPN},
		SessionTicketsDisabled: true,
		// Else the first records of a connection are short, so that a browser can
		// use the part of a page that is there. Nobody can use a part of a message,
		// and each record is a system call.
		DynamicRecordSizingDisabled: true,
	}
}

// checkProtocol looks at the outcome of the handshake rather than at what was
// asked for: a change to a config elsewhere cannot weaken a connection unseen.
func checkProtocol(state tls.ConnectionState) error {
	if state.Version != tls.VersionTLS13 {
		return fmt.Errorf("%w: %s", ErrProtocol, tls.VersionName(state.Version))
	}
	if state.NegotiatedProtocol != ALPN {
		return ErrALPN
	}
	return nil
}

func checkClient(state tls.ConnectionState) error {
	if err := checkProtocol(state); err != nil {
		return err
	}
	if state.CurveID != tls.X25519MLKEM768 {
		return fmt.Errorf("%w: key exchange %s", ErrProtocol, state.CurveID)
	}
	return nil
}

func (p Pins) check(chain []*x509.Certificate) error {
	if len(p) == 0 {
		return ErrNoPins
	}
	if len(chain) == 0 {
		return &MismatchError{Got: "missing: it sent no certificate", Want: p.list()}
	}
	leaf := chain[0]
	if key, ok := leaf.PublicKey.(ed25519.PublicKey); ok && plainInfo(leaf, key) {
		if p.Has(key) {
			return nil
		}
		return &MismatchError{Got: verifierKey(p[0].Origin, key), Want: p.list(), Operators: !Own(leaf)}
	}
	got := fmt.Sprintf("a certificate with an %s key (SHA-256 %x)",
		leaf.PublicKeyAlgorithm, sha256.Sum256(leaf.RawSubjectPublicKeyInfo))
	return &MismatchError{Got: got, Want: p.list(), Operators: true}
}

// plainInfo reports whether a certificate's SubjectPublicKeyInfo is key and
// nothing else (RFC 8410). Go's parser passes over what stands behind a key, and
// who compares the bytes, as PROTOCOL.md says, does not.
func plainInfo(leaf *x509.Certificate, key ed25519.PublicKey) bool {
	plain, err := x509.MarshalPKIXPublicKey(key)
	return err == nil && bytes.Equal(leaf.RawSubjectPublicKeyInfo, plain)
}
