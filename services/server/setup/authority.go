package setup

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"sealpost/shared/durable"
)

// authorityName stands in the certificates of the cluster's authority.
const authorityName = "sealpost cluster"

// authority signs the certificates of a cluster's nodes. Its key lies in a volume that
// the set-up alone mounts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte // of cert
}

// authority returns the cluster's authority, made anew where it is missing, damaged or
// about to expire.
func (r *run) authority(d *durable.Dir) (*authority, error) {
	cert, err := readIfThere(d, certFile)
	if err != nil {
		return nil, err
	}
	key, err := readIfThere(d, keyFile)
	if err != nil {
		return nil, err
	}
	if a := parseAuthority(cert, key); a != nil && r.now.Add(renewBefore).Before(a.cert.NotAfter) {
		return a, nil
	}
	if cert, key, err = makeAuthority(r.now); err != nil {
		return nil, fmt.Errorf("authority of the cluster: %w", err)
	}
	if err := putPair(d, cert, key, r.rootOwner()); err != nil {
		return nil, err
	}
	r.log.Info().Msg("authority of the cluster made")
	return parseAuthority(cert, key), nil
}

// parseAuthority returns nil for what is none.
func parseAuthority(cert, key []byte) *authority {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil || !pair.Leaf.IsCA {
		return nil
	}
	private, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil
	}
	return &authority{pair.Leaf, private, cert}
}

// makeAuthority makes one that signs no other authorities.
func makeAuthority(now time.Time) (cert, key []byte, err error) {
	template, err := newTemplate(authorityName, now)
	if err != nil {
		return nil, nil, err
	}
	template.IsCA, template.MaxPathLenZero, template.KeyUsage = true, true, x509.KeyUsageCertSign
	return issue(template, nil)
}

// nodeCertificate has a certificate for a node's name in its volume: other nodes and
// servers take it for the node, and so do nodes that it connects to.
func (r *run) nodeCertificate(d *durable.Dir, name string, by *authority) error {
	cert, err := readIfThere(d, certFile)
	if err != nil {
		return err
	}
	key, err := readIfThere(d, keyFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(by.cert)
	if usable(cert, key, name, roots, r.now) {
		return nil
	}
	template, err := newTemplate(name, r.now)
	if err != nil {
		return err
	}
	template.DNSNames = []string{name}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	if cert, key, err = issue(template, by); err != nil {
		return fmt.Errorf("certificate of node %s: %w", name, err)
	}
	r.log.Info().Str("name", name).Msg("certificate of a node made")
	return putPair(d, cert, key, r.Owner)
}
