package setup

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"sealpost/shared/durable"
)

const (
	certYears   = 10
	renewBefore = 30 * 24 * time.Hour
	// clockSkew is how far a reader's clock may be behind at the start.
	clockSkew = time.Hour
)

// putPair puts a certificate and its key into a volume. Two files cannot change in
// one step. A run that ends in between leaves a pair that does not fit, which the
// next run finds.
func putPair(d *durable.Dir, cert, key []byte, owner Owner) error {
	if err := put(d, keyFile, key, secretMode, owner); err != nil {
		return err
	}
	return put(d, certFile, cert, secretMode, owner)
}

// usable reports whether key belongs to cert and a client that trusts roots, or cert
// alone where these are nil, will take it for name's until well after today.
func usable(cert, key []byte, name string, roots *x509.CertPool, now time.Time) bool {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false
	}
	if roots == nil {
		roots = x509.NewCertPool()
		roots.AddCert(pair.Leaf)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now.Add(renewBefore)})
	return err == nil
}

// newTemplate is what all certificates have in common.
func newTemplate(name string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // positive: RFC 5280, section 4.1.2.2
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(certYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}, nil
}

// issue makes an ECDSA P-256 key and its certificate, in PEM form, signed by an
// authority, or by the key itself where that is nil.
func issue(template *x509.Certificate, by *authority) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	parent, signer := template, private
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return cert, key, nil
}
