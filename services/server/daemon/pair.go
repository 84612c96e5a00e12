package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sealpost/shared/settings"
)

// The two settings that name the files.
const (
	certSetting = "SERVER_TLS_CERT_FILE"
	keySetting  = "SERVER_TLS_KEY_FILE"
)

// CertificateError says which of the two certificate files cannot be used.
type CertificateError struct {
	Setting string // that names the file
	File    string
	Err     error

	fix string
}

func (e *CertificateError) Error() string { return fmt.Sprintf("%s=%s: %v", e.Setting, e.File, e.Err) }

func (e *CertificateError) Unwrap() error { return e.Err }

// Fix is the likely remedy, "" where Err says it.
func (e *CertificateError) Fix() string { return e.fix }

// parse makes a certificate of what the files hold. Its errors blame the file
// that is at fault: crypto/tls names neither.
func (c *certificate) parse(p pair) (*tls.Certificate, error) {
	if p.unreadable != "" {
		return nil, c.blame(p.unreadable, "it must be readable for the user that the server runs as", "%s", p.forReason)
	}
	for setting, text := range map[string]string{certSetting: p.cert, keySetting: p.key} {
		if mark := settings.ByteOrderMark(text); mark != "" {
			return nil, c.blame(setting, "", "it %s", mark)
		}
	}
	if err := c.checkCert(p.cert); err != nil {
		return nil, err
	}
	if encrypted(p.key) {
		return nil, c.blame(keySetting,
			"openssl pkey -in "+c.keyFile+" -out KEY asks for its password and writes it without one, "+
				"to a file that the server alone should be able to read",
			"the private key is encrypted, and nobody is there to type its password")
	}
	cert, err := tls.X509KeyPair([]byte(p.cert), []byte(p.key))
	if err != nil { // the certificate is sound, so it is the key
		return nil, c.blame(keySetting,
			"it must hold the private key of the certificate in "+c.certFile+", in PEM form", "%s",
			strings.TrimPrefix(err.Error(), "tls: "))
	}
	return &cert, nil
}

// checkCert says why a text does not begin with a certificate.
func (c *certificate) checkCert(text string) error {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return c.blame(certSetting,
				"it must hold the server's certificate and then those between it and its CA, in PEM form",
				"no certificate in PEM form")
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return c.blame(certSetting, "", "%v", err)
		}
		return nil
	}
}

// encrypted reports whether the first private key in a text is: as PKCS #8, or in
// OpenSSL's older form.
func encrypted(text string) bool {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
}

func (c *certificate) blame(setting, fix, format string, args ...any) error {
	file := c.certFile
	if setting == keySetting {
		file = c.keyFile
	}
	return &CertificateError{Setting: setting, File: file, Err: fmt.Errorf(format, args...), fix: fix}
}

// reasonOf strips the path from a file error, where the file is named already.
func reasonOf(err error) string {
	if path := new(fs.PathError); errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
