package python

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
)

// TestImpostor: a server that does not hold the pinned key, but whose
// certificate carries it in a place where a careless look finds it, gets no
// token.
func TestImpostor(t *testing.T) {
	pinned, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	pinnedInfo, err := x509.MarshalPKIXPublicKey(pinned.Public())
	if err != nil {
		t.Fatal(err)
	}
	own, err := impostor.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	withPinned := func(oid ...int) [][]byte { return [][]byte{carrying(t, own.PrivateKey, pinnedInfo, oid)} }
	pinnedCert, err := pinned.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		certificates [][]byte
		change       func(*tls.Config)
		status       int
		says         string
	}{
		"its own certificate":     {own.Certificate, nil, 3, "the server's key is"},
		"the key in an extension": {withPinned(1, 2, 3, 4), nil, 3, "the server's key is"},
		"the pinned one behind it": {[][]byte{own.Certificate[0], pinnedCert.Certificate[0]}, nil, 3,
			"the server's key is"},
		"the key behind BER lengths": {[][]byte{indefinite(own.Certificate[0], pinnedInfo)}, nil, 4,
			"certificate is not one"},
		"the pinned certificate": {pinnedCert.Certificate, nil, 4, "signature"},
		"TLS 1.2":                {own.Certificate, weaker, 4, "version"},
		"no ALPN":                {own.Certificate, noALPN, 3, "sealpost/1"},
	} {
		t.Run(name, func(t *testing.T) {
			pin := pinned
			if test.change != nil {
				pin = impostor // the key is right, the rest is not
			}
			config := identity.ServerTLSWith(tls.Certificate{Certificate: test.certificates, PrivateKey: own.PrivateKey})
			if test.change != nil {
				test.change(config)
			}
			address, heard := listenOnce(t, config)
			tok, err := token.New("store-17")
			if err != nil {
				t.Fatal(err)
			}
			_, stderr, status := python(t, map[string]string{
				"CLIENT_SERVER": address, "CLIENT_TOKEN": tok.Reveal(), "CLIENT_SERVER_IDENTITY": pin.VerifierKey("sealpost/x"),
			}, send, writeFile(t, "a.txt", []byte("text")))
			if got := <-heard; status != test.status || len(got) > 0 || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, want %d; the server heard %q\n%s", status, test.status, got, stderr)
			}
		})
	}
}

func weaker(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }

func noALPN(c *tls.Config) { c.NextProtos, c.GetConfigForClient, c.VerifyConnection = nil, nil, nil }

// listenOnce takes one TLS connection and returns what the client said in it.
func listenOnce(t *testing.T, config *tls.Config) (address string, heard <-chan []byte) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	result := make(chan []byte, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			result <- nil
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // an error is an end as good as another
		result <- all
	}()
	return ln.Addr().String(), result
}

// carrying makes a certificate for key with info in an extension.
func carrying(t *testing.T, key any, info []byte, oid asn1.ObjectIdentifier) []byte {
	t.Helper()
	private := key.(ed25519.PrivateKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sealpost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
		ExtraExtensions: []pkix.Extension{{Id: oid, Value: info}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// indefinite rewrites the signature algorithm in a certificate so that it has
// indefinite lengths, which BER allows and DER does not. Who takes such a
// length for zero goes on to read inside it, and finds info where the public
// key should be; OpenSSL, which reads them right, sees the real key behind.
func indefinite(certificate, info []byte) []byte {
	algorithm := []byte{0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70}
	decoy := []byte{0x30, 0x80, 0x06, 0x03, 0x2b, 0x65, 0x70} // SEQUENCE, of any length; the OID stands for the issuer
	decoy = append(decoy, 0x30, 0x80)                         // parameters, of any length; read as the validity
	decoy = append(decoy, 0x30, 0x00)                         // inside them: read as the subject
	decoy = append(decoy, info...)                            // and as the public key
	decoy = append(decoy, 0, 0, 0, 0)                         // both end here
	var outer, tbs asn1.RawValue
	rest, _ := asn1.Unmarshal(certificate, &outer)
	behind, _ := asn1.Unmarshal(outer.Bytes, &tbs)
	content := bytes.Replace(tbs.Bytes, algorithm, decoy, 1)
	tbs.FullBytes, _ = asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true,
		Bytes: content})
	whole, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true,
		Bytes: append(tbs.FullBytes, behind...)})
	return append(whole, rest...)
}
