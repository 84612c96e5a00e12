package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// certificateCommand makes ca.pem, server.pem and server.key for an address or a
// name, expired.pem and future.pem with their keys likewise, and other.pem, a CA
// that signed nothing.
func certificateCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate ADDRESS")
	}
	template := func(serial int64, isCA bool) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: isCA, BasicConstraintsValid: true,
		}
	}
	write := func(name, kind string, der []byte, err error) {
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	for _, name := range []string{"other.pem", "ca.pem"} {
		caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ts.Check(err)
		ca := template(1, true)
		der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
		write(name, "CERTIFICATE", der, err)
		for name, days := range map[string][2]int{"server": {-1, 1}, "expired": {-3, -1}, "future": {1, 3}} {
			leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			ts.Check(err)
			leaf := template(2, false)
			leaf.NotBefore, leaf.NotAfter = time.Now().AddDate(0, 0, days[0]), time.Now().AddDate(0, 0, days[1])
			if ip := net.ParseIP(args[0]); ip != nil {
				leaf.IPAddresses = []net.IP{ip}
			} else {
				leaf.DNSNames = []string{args[0]}
			}
			der, err = x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey)
			write(name+".pem", "CERTIFICATE", der, err)
			der, err = x509.MarshalPKCS8PrivateKey(leafKey)
			write(name+".key", "PRIVATE KEY", der, err)
		}
	}
}
