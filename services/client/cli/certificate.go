package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/message"
)

// hintCertificate is the likely remedy for a server that this client does not
// take for the right one, "" where there is none.
func hintCertificate(err error) string {
	var mismatch *identity.MismatchError
	var bad *tls.CertificateVerificationError
	switch {
	case errors.As(err, &mismatch) && mismatch.Operators:
		return "the server shows a certificate of its operator's: set CLIENT_SERVER_CA_FILE to its authority, " +
			"and leave CLIENT_SERVER_IDENTITY as it is, for the receipts"
	case errors.As(err, &mismatch):
		return `compare with what "server identity" shows on the server; ` +
			`if it was replaced on purpose, set CLIENT_SERVER_IDENTITY anew`
	case errors.As(err, &bad):
		return hintChain(bad)
	}
	return ""
}

// hintChain is about the check with CLIENT_SERVER_CA_FILE.
func hintChain(bad *tls.CertificateVerificationError) string {
	var name x509.HostnameError
	switch {
	case len(bad.UnverifiedCertificates) > 0 && identity.Own(bad.UnverifiedCertificates[0]):
		return "the server shows its identity's own certificate: leave CLIENT_SERVER_CA_FILE out, " +
			"or give the server the operator's with SERVER_TLS_CERT_FILE"
	case identity.OutOfDate(bad):
		return "the server needs a renewed certificate (SERVER_TLS_CERT_FILE), or this machine's clock is wrong"
	case errors.As(bad, &name):
		return "the certificate is for " + namesIn(name.Certificate) + "; CLIENT_SERVER_NAME says which of them is meant"
	}
	return "CLIENT_SERVER_CA_FILE must hold the authority that signed the server's certificate"
}

// namesIn lists the names that a certificate is valid for.
func namesIn(cert *x509.Certificate) string {
	names := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	if len(names) > 5 {
		names = append(names[:5:5], fmt.Sprintf("%d more", len(names)-5))
	}
	return message.Visible(strings.Join(names, ", "))
}
