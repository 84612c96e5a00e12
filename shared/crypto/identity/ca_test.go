package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// operatorCertificate makes a CA's PEM and a server certificate for names.
func operatorCertificate(t *testing.T, names ...string) ([]byte, tls.Certificate) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, key *ecdsa.PrivateKey, parentKey *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey, key := newKey(), newKey()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), NotBefore: time.Now().Add(-time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), NotBefore: time.Now().Add(-time.Hour),
		DNSNames: names,
	}
	caDER := sign(ca, ca, caKey, caKey)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		tls.Certificate{Certificate: [][]byte{sign(leaf, ca, key, caKey)}, PrivateKey: key}
}

func TestOperatorsCertificate(t *testing.T) {
	ca, cert := operatorCertificate(t, "post.example")
	otherCA, _ := operatorCertificate(t, "post.example")
	address, _ := serve(t, ServerTLSWith(cert))
	connect := func(ca []byte, name string) error {
		config, err := ClientTLSWithCA(ca, name)
		if err != nil {
			t.Fatal(err)
		}
		state, err := call(t, address, config)
		if err == nil && (state.CurveID != tls.X25519MLKEM768 || state.NegotiatedProtocol != ALPN) {
			t.Errorf("connected with %s, %q", state.CurveID, state.NegotiatedProtocol)
		}
		return err
	}
	if err := connect(ca, "post.example"); err != nil {
		t.Errorf("right CA, right name: %v", err)
	}
	var hostname x509.HostnameError
	if err := connect(ca, "other.example"); !errors.As(err, &hostname) {
		t.Errorf("wrong name: error %v, want %T", err, hostname)
	}
	var unknown x509.UnknownAuthorityError
	if err := connect(otherCA, "post.example"); !errors.As(err, &unknown) {
		t.Errorf("wrong CA: error %v, want %T", err, unknown)
	}
	var mismatch *MismatchError
	if _, err := call(t, address, pinsOf(generate(t)).ClientTLS()); !errors.As(err, &mismatch) ||
		!strings.Contains(mismatch.Got, "ECDSA") {
		t.Errorf("a pin against an operator's certificate: %v", err)
	}
}

func TestCAWithoutALPN(t *testing.T) {
	ca, cert := operatorCertificate(t, "post.example")
	address, _ := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	config, err := ClientTLSWithCA(ca, "post.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, address, config); !errors.Is(err, ErrALPN) {
		t.Errorf("error %v, want ErrALPN", err)
	}
}

func TestCAFileWithoutCertificate(t *testing.T) {
	for _, text := range []string{"", "hello", string(generate(t).PEM())} {
		if _, err := ClientTLSWithCA([]byte(text), "x"); !errors.Is(err, ErrNoCertificate) {
			t.Errorf("%q: error %v, want ErrNoCertificate", text, err)
		}
	}
}
