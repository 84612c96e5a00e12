package daemon_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
)

// authority signs certificates for the loopback address.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	template.Raw = der
	return &authority{t, template, key}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue returns a certificate with a serial number, and its key, both in PEM form.
func (a *authority) issue(serial int64, until time.Time) (cert, key []byte) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader,
		&x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"drop.test"},
			NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}, a.cert, private.Public(), a.key)
	check(a.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	check(a.t, err)
	return block("CERTIFICATE", der), block("PRIVATE KEY", keyDER)
}

// serial is that of the certificate which a new connection meets.
func (a *authority) serial(l *live) int64 {
	a.t.Helper()
	config, err := identity.ClientTLSWithCA(block("CERTIFICATE", a.cert.Raw), "drop.test")
	check(a.t, err)
	conn, err := tls.Dial("tcp", l.address, config)
	check(a.t, err)
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificateFollows: a new pair is taken up by the running server; one that
// cannot be used leaves the last in use, which is said, until it is mended.
func TestCertificateFollows(t *testing.T) {
	t.Parallel()
	a, l := newAuthority(t), newLive(t)
	dir := t.TempDir()
	l.cfg.TLSCertFile, l.cfg.TLSKeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	hour := time.Now().Add(time.Hour)
	put := func(cert, key []byte) {
		t.Helper()
		check(t, os.WriteFile(l.cfg.TLSCertFile, cert, 0o600))
		check(t, os.WriteFile(l.cfg.TLSKeyFile, key, 0o600))
	}
	cert1, key1 := a.issue(1, hour)
	put(cert1, key1)
	l.start()
	if got := a.serial(l); got != 1 {
		t.Fatalf("the server shows certificate %d", got)
	}
	cert2, key2 := a.issue(2, hour)
	put(cert2, key2)
	l.eventually("the second certificate", func() bool { return a.serial(l) == 2 })

	expired, expiredKey := a.issue(3, time.Now().Add(-time.Hour))
	for i, broken := range []struct {
		name string
		do   func()
	}{
		{"another's key", func() { put(cert1, key2) }},
		{"no PEM", func() { put([]byte("hello"), key2) }},
		{"no key", func() { check(t, os.Remove(l.cfg.TLSKeyFile)) }},
		{"expired", func() { put(expired, expiredKey) }},
	} {
		broken.do()
		l.eventually(broken.name+": the metric and the log", func() bool {
			return strings.Contains(l.get("/metrics"), "\nsealpost_certificate_broken 1\n") &&
				strings.Count(l.logs.String(), "the certificate files cannot be used") > i
		})
		if got := a.serial(l); got != 2 {
			t.Fatalf("%s: the server shows certificate %d", broken.name, got)
		}
		put(cert2, key2)
		l.eventually(broken.name+": mended", func() bool {
			return strings.Contains(l.get("/metrics"), "\nsealpost_certificate_broken 0\n")
		})
	}
	put(cert1, key1)
	l.eventually("the first certificate", func() bool { return a.serial(l) == 1 })
}

// TestCertificateExpiredAtStart: the server starts, and says so in its log and its metrics
// before anybody connects. Whoever asks it to reload has it look at once.
func TestCertificateExpiredAtStart(t *testing.T) {
	t.Parallel()
	a, l := newAuthority(t), newLive(t)
	dir := t.TempDir()
	l.cfg.TLSCertFile, l.cfg.TLSKeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	ended := time.Now().Add(-time.Hour).Truncate(time.Second)
	cert, key := a.issue(1, ended)
	check(t, os.WriteFile(l.cfg.TLSCertFile, cert, 0o600))
	check(t, os.WriteFile(l.cfg.TLSKeyFile, key, 0o600))
	l.start()
	if !strings.Contains(l.logs.String(), "the certificate has expired on "+ended.UTC().Format(time.RFC3339)) {
		t.Errorf("the log does not say it:\n%s", l.logs.String())
	}
	metrics := l.get("/metrics")
	for _, kind := range []string{"operator", "identity"} {
		if !strings.Contains(metrics, `sealpost_certificate_expiry_timestamp_seconds{kind="`+kind+`"} `) {
			t.Errorf("no time of the end for %s", kind)
		}
	}
	cert, key = a.issue(2, time.Now().Add(time.Hour))
	check(t, os.WriteFile(l.cfg.TLSCertFile, cert, 0o600))
	check(t, os.WriteFile(l.cfg.TLSKeyFile, key, 0o600))
	l.reload <- struct{}{}
	l.eventually("the certificate in order", func() bool { return strings.Contains(l.logs.String(), "in order again") })
	if n := strings.Count(l.logs.String(), "SIGHUP: looking"); n != 1 {
		t.Errorf("the log tells %d times of being asked", n)
	}
}
