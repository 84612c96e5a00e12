package setup

import (
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// ftpHost is the service's name on the stack's network.
const ftpHost = "vsftpd"

// ftp fills the FTP server's volume, and the driver's with what it needs to
// log in there.
func (r *run) ftp() error {
	password, err := r.once(r.vol.ftp, passwordFile, r.rootOwner())
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
	if usable(cert, key, ftpHost, nil, r.now) {
		return cert, nil
	}
	if cert, key, err = makeCertificate(r.now); err != nil {
		return nil, fmt.Errorf("FTP certificate: %w", err)
	}
	if err := putPair(r.vol.ftp, cert, key, r.rootOwner()); err != nil {
		return nil, err
	}
	r.log.Info().Str("name", ftpHost).Msg("FTP certificate made")
	return cert, nil
}

// makeCertificate makes a self-signed certificate, which readers trust as it
// stands. It is no CA: who steals its key can pose as the FTP server, and as nobody
// else.
func makeCertificate(now time.Time) (cert, key []byte, err error) {
	template, err := newTemplate(ftpHost, now)
	if err != nil {
		return nil, nil, err
	}
	template.DNSNames = []string{ftpHost, "localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return issue(template, nil)
}
