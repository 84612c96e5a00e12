package identity

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// certificateName stands in the certificate because TLS libraries expect a
// name there. Clients go by the key alone.
const certificateName = "sealpost"

// Certificate returns the self-signed certificate of the identity, whose key
// is the TLS key. Every field is fixed and Ed25519 signatures are
// deterministic, so that one identity always gives the same bytes: all servers
// that share it look alike, and a client that pins the whole certificate
// instead of the key is not surprised by a restart.
func (id *Identity) Certificate() (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: certificateName},
		DNSNames:     []string{certificateName},
		NotBefore:    time.Date(2012, time.January, 1, 0, 0, 0, 0, time.UTC),
		// "No expiry", RFC 5280, section 4.1.2.5.
		NotAfter:              time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, id.Public(), id.private())
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("identity certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("identity certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: id.private(), Leaf: leaf}, nil
}

// Own reports whether a certificate looks like one that Certificate makes, of
// whichever identity: it is for hints and proves nothing.
func Own(cert *x509.Certificate) bool {
	return cert.Subject.CommonName == certificateName && cert.Issuer.CommonName == certificateName &&
		cert.PublicKeyAlgorithm == x509.Ed25519
}
