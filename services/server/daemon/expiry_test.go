package daemon

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// The end of a certificate is said weeks before, once a day, and again when it
// has come; a renewal ends that.
func TestCertificateEnd(t *testing.T) {
	ca := issue(t, nil, authority)
	first := issue(t, ca, unchanged)
	s := newShelf(t, first.text, first.key)
	c, err := s.load()
	must(t, err)
	if got := s.said(); !strings.Contains(got, "certificate loaded") || strings.Contains(got, "expire") {
		t.Errorf("at the start: %s", got)
	}
	s.now = dawn.Add(68 * day)
	s.says(c, "22 days before")
	s.now = dawn.Add(70*day + time.Hour)
	s.says(c, "20 days before the end", `"level":"warn"`,
		"the certificate expires on 2026-05-30T00:00:00Z, in 19 days", c.certFile)
	s.now = s.now.Add(23 * time.Hour)
	s.says(c, "on the same day")
	s.now = s.now.Add(time.Hour)
	s.says(c, "a day later", "in 18 days")
	s.now = dawn.Add(90*day + time.Hour)
	s.says(c, "after the end", `"level":"error"`, "the certificate has expired on 2026-05-30T00:00:00Z, 1h0m0s ago")
	if got := s.gauges(expiryMetric)[kindOperator]; got != float64(first.cert.NotAfter.Unix()) {
		t.Errorf("the metric says %v", got)
	}
	renewed := issue(t, ca, func(c *x509.Certificate) { c.NotAfter = dawn.Add(180 * day) })
	s.put(renewed.text, renewed.key)
	s.says(c, "renewed", "certificate loaded", "in order again")
	if got := s.gauges(expiryMetric)[kindOperator]; got != float64(renewed.cert.NotAfter.Unix()) {
		t.Errorf("the metric says %v after the renewal", got)
	}
	s.now = s.now.Add(3 * day)
	s.says(c, "days after the renewal")
}

// A certificate that lives for days is not near its end all the time.
func TestShortCertificate(t *testing.T) {
	six := issue(t, nil, func(c *x509.Certificate) { c.NotAfter = dawn.Add(6 * day) })
	s := newShelf(t, six.text, six.key)
	c, err := s.load()
	must(t, err)
	s.said()
	s.now = dawn.Add(4 * day)
	s.says(c, "two days before")
	s.now = dawn.Add(5 * day)
	s.says(c, "one day before", "in 24h0m0s")
}

// What clients will refuse a certificate for is said at the start, which succeeds.
func TestCertificateFlaws(t *testing.T) {
	ca := issue(t, nil, authority)
	between := issue(t, ca, authority)
	brief := issue(t, ca, func(c *x509.Certificate) { authority(c); c.NotAfter = dawn.Add(time.Hour) })
	for _, test := range []struct {
		name  string
		leaf  *link
		chain []*link
		says  string
	}{
		{"expired", issue(t, ca, func(c *x509.Certificate) { c.NotAfter = dawn.Add(time.Hour) }), nil,
			"the certificate has expired"},
		{"not yet valid", issue(t, ca, func(c *x509.Certificate) { c.NotBefore = dawn.Add(3 * day) }), nil,
			"is not valid before 2026-03-04T00:00:00Z, in 2 days"},
		{"for clients alone", issue(t, ca, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), nil, "not for servers"},
		{"without a name", issue(t, ca, func(c *x509.Certificate) { c.DNSNames = nil }), nil, "names no host"},
		{"an intermediate has expired", issue(t, brief, unchanged), []*link{brief}, "certificate 2 of the chain has expired"},
		{"the chain does not fit", issue(t, between, unchanged), []*link{ca},
			"certificate 2 of the chain did not sign the one before it"},
		{"a sound chain", issue(t, between, unchanged), []*link{between, ca}, ""},
		{"of no purpose", issue(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), nil, ""},
	} {
		text := test.leaf.text
		for _, l := range test.chain {
			text = append(text, l.text...)
		}
		s := newShelf(t, text, test.leaf.key)
		if _, err := s.load(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got := s.said()
		if lines := strings.Count(got, `"hint"`); test.says == "" && lines != 0 || test.says != "" && lines != 1 {
			t.Errorf("%s: %d complaints:\n%s", test.name, lines, got)
		}
		if !strings.Contains(got, test.says) {
			t.Errorf("%s: the log lacks %q:\n%s", test.name, test.says, got)
		}
		if got, want := len(s.gauges(expiryMetric)), 1+min(1, len(test.chain)); got != want {
			t.Errorf("%s: %d kinds in the metric, want %d", test.name, got, want)
		}
	}
}
