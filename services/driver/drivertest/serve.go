package drivertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"sealpost/services/driver/ftpserver"
	"sealpost/shared/nettest"
)

// Who may log in to the servers of this package.
const (
	User     = "ftpread"
	Password = "correct horse"
)

// Certificate makes a self-signed certificate for localhost and returns it
// with its PEM form, which serves as CA file.
func Certificate(t testing.TB) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text
}

// Serve serves dir over FTP, with TLS if there is a certificate, and returns
// the address. The server ends with the test.
func Serve(t testing.TB, dir string, certificate *tls.Certificate) string {
	t.Helper()
	s, err := ftpserver.Start(nettest.Listen(t), ftpserver.Config{
		Dir: dir, User: User, Password: Password, Certificate: certificate,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("FTP server: %v", err)
		}
	})
	return s.Addr().String()
}
