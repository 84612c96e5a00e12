package setup

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	ftpHost = "vsftpd" // the service's name on the stack's network

	certYears   = 10
	renewBefore = 30 * 24 * time.Hour
	// clockSkew is how far a reader's clock may be behind at the start.
	clockSkew = time.Hour
)

// ftp fills the FTP server's volume, and the driver's with what it needs to
// log in there.
func (r *run) ftp() error {
	password, err := r.once(r.vol.ftp, passwordFile, r.ftpOwner())
	if err != nil {
		return err
	}
	if err := r.keep(r.vol.driver, ftpPasswordFile, password); err != nil {
		return err
	}
	cert, err := r.certificate()
	if err != nil {
		return err
	}
	return put(r.vol.driver, ftpCAFile, cert, secretMode, r.Owner)
}

// certificate returns the FTP server's certificate in PEM form, made anew
// where it is missing, damaged or about to expire.
func (r *run) certificate() ([]byte, error) {
	cert, err := readIfThere(r.vol.ftp, certFile)
	if err != nil {
		return nil, err
	}
	key, err := readIfThere(r.vol.ftp, keyFile)
	if err != nil {
		return nil, err
	}
	if r.usable(cert, key) {
		return cert, nil
	}
	if cert, key, err = makeCertificate(r.now); err != nil {
		return nil, fmt.Errorf("FTP certificate: %w", err)
	}
	// Two files cannot change in one step. A run that ends in between leaves
	// a pair that does not fit, which the next run finds.
	if err := put(r.vol.ftp, keyFile, key, secretMode, r.ftpOwner()); err != nil {
		return nil, err
	}
	if err := put(r.vol.ftp, certFile, cert, secretMode, r.ftpOwner()); err != nil {
		return nil, err
	}
	r.log.Info().Str("name", ftpHost).Msg("FTP certificate made")
	return cert, nil
}

// usable reports whether key belongs to cert and a client that trusts cert
// alone will take it for the FTP server's until well after today.
func (r *run) usable(cert, key []byte) bool {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: ftpHost, Roots: roots, CurrentTime: r.now.Add(renewBefore)})
	return err == nil
}

// makeCertificate makes a self-signed ECDSA P-256 certificate, which readers
// trust as it stands. It is no CA: who steals its key can pose as the FTP
// server, and as nobody else.
func makeCertificate(now time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // positive: RFC 5280, section 4.1.2.2
		Subject:               pkix.Name{CommonName: ftpHost},
		DNSNames:              []string{ftpHost, "localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(certYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
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
