package daemon

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const day = 24 * time.Hour

// dawn is when every certificate of these tests begins.
var dawn = time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)

// link is one certificate of a chain, in PEM form, with its key.
type link struct {
	cert      *x509.Certificate
	private   *ecdsa.PrivateKey
	text, key []byte
}

// issue makes a certificate for 90 days, which change may alter, signed by issuer
// or, with none, by itself.
func issue(t *testing.T, issuer *link, change func(*x509.Certificate)) *link {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{"drop.test"},
		NotBefore: dawn, NotAfter: dawn.Add(90 * day), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	change(template)
	l := &link{cert: template, private: private}
	if issuer == nil {
		issuer = l
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, private.Public(), issuer.private)
	must(t, err)
	l.cert, err = x509.ParseCertificate(der)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	l.text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	l.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return l
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.ExtKeyUsage, c.NotAfter = true, true, nil, dawn.Add(900*day)
}

func unchanged(*x509.Certificate) {}

// shelf holds the two files, a clock, and what the server says of them.
type shelf struct {
	t        *testing.T
	cfg      Config
	now      time.Time
	logs     bytes.Buffer
	registry *prometheus.Registry
}

func newShelf(t *testing.T, cert, key []byte) *shelf {
	t.Helper()
	dir := t.TempDir()
	s := &shelf{t: t, now: dawn.Add(day), cfg: Config{
		TLSCertFile: filepath.Join(dir, "tls.crt"), TLSKeyFile: filepath.Join(dir, "tls.key")}}
	s.put(cert, key)
	return s
}

func (s *shelf) put(cert, key []byte) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.cfg.TLSCertFile, cert, 0o600))
	must(s.t, os.WriteFile(s.cfg.TLSKeyFile, key, 0o600))
}

func (s *shelf) load() (*certificate, error) {
	s.registry = prometheus.NewRegistry()
	return loadCertificate(s.cfg, zerolog.New(&s.logs), func() time.Time { return s.now }, s.registry,
		newExpiry(s.registry))
}

// gauges returns the values of a metric by kind, "" where it has none.
func (s *shelf) gauges(name string) map[string]float64 {
	s.t.Helper()
	families, err := s.registry.Gather()
	must(s.t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			kind := ""
			for _, label := range m.GetLabel() {
				kind = label.GetValue()
			}
			if family.GetName() == name {
				values[kind] = m.GetGauge().GetValue()
			}
		}
	}
	return values
}

const (
	expiryMetric = "sealpost_certificate_expiry_timestamp_seconds"
	brokenMetric = "sealpost_certificate_broken"
)

// said returns what was logged since the last call.
func (s *shelf) said() string {
	defer s.logs.Reset()
	return s.logs.String()
}

// says checks that a look, made as often as it takes to be settled, logs each text once.
func (s *shelf) says(c *certificate, when string, texts ...string) {
	s.t.Helper()
	for range 3 {
		c.look()
	}
	got := s.said()
	for _, text := range texts {
		if strings.Count(got, text) != 1 {
			s.t.Errorf("%s: the log has not once %q:\n%s", when, text, got)
		}
	}
	if len(texts) == 0 && got != "" {
		s.t.Errorf("%s: the log says %s", when, got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
