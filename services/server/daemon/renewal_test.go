package daemon

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// A renewal that clients would refuse leaves the one before in use. One that is
// valid from tomorrow is taken up tomorrow.
func TestRenewalThatIsWorse(t *testing.T) {
	ca := issue(t, nil, authority)
	was := issue(t, ca, unchanged)
	s := newShelf(t, was.text, was.key)
	c, err := s.load()
	must(t, err)
	s.said()
	purpose := issue(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	s.put(purpose.text, purpose.key)
	s.says(c, "for clients alone", "not for servers", "the certificate loaded before stays")
	early := issue(t, ca, func(c *x509.Certificate) { c.NotBefore = dawn.Add(2 * day) })
	s.put(early.text, early.key)
	s.says(c, "for tomorrow", "not valid yet", "the certificate loaded before stays")
	if !c.get().Leaf.Equal(was.cert) {
		t.Error("another certificate is shown")
	}
	s.now = dawn.Add(2 * day)
	s.says(c, "tomorrow", "certificate loaded")
	if !c.get().Leaf.Equal(early.cert) || s.gauges(brokenMetric)[""] != 0 {
		t.Error("the renewed certificate is not in use")
	}
}

// Files that become unreadable, or no longer belong together, leave the
// certificate in use, and the error names the file.
func TestBadPair(t *testing.T) {
	good, other := issue(t, nil, unchanged), issue(t, nil, unchanged)
	for _, test := range []struct {
		name      string
		cert, key []byte
		setting   string
		says      string
	}{
		{"an encrypted key", good.text,
			pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("secret")}),
			keySetting, "the private key is encrypted"},
		{"an encrypted key of the older form", good.text,
			pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("secret"),
				Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}}), keySetting,
			"the private key is encrypted"},
		{"another's key", good.text, other.key, keySetting, "private key does not match public key"},
		{"a key that is none", good.text, []byte("hello"), keySetting, "failed to find any PEM data"},
		{"the two exchanged", good.key, good.text, certSetting, "no certificate in PEM form"},
		{"a byte order mark before the certificates", slices.Concat([]byte("\ufeff"), good.text, other.text), good.key,
			certSetting, "it begins with a byte order mark"},
		{"a byte order mark before the key", good.text, slices.Concat([]byte("\ufeff"), good.key), keySetting,
			"it begins with a byte order mark"},
		{"a certificate that is none", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), good.key,
			certSetting, "malformed certificate"},
		{"no key file", good.text, nil, keySetting, "no such file"},
		{"no certificate file", nil, good.key, certSetting, "no such file"},
	} {
		s := newShelf(t, good.text, good.key)
		c, err := s.load()
		must(t, err)
		s.said()
		s.put(test.cert, test.key)
		for _, missing := range []struct {
			content []byte
			file    string
		}{{test.cert, c.certFile}, {test.key, c.keyFile}} {
			if missing.content == nil {
				must(t, os.Remove(missing.file))
			}
		}
		s.says(c, test.name, "the certificate loaded before stays", test.says, test.setting)
		if !c.get().Leaf.Equal(good.cert) {
			t.Errorf("%s: another certificate is shown", test.name)
		}
		_, err = s.load()
		if e := new(CertificateError); !errors.As(err, &e) || e.Setting != test.setting ||
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: at the start: %v", test.name, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the file", test.name)
		}
	}
}

// Whoever asks for it has the files taken up at once, and hears again what is
// wrong with them.
func TestCertificateReload(t *testing.T) {
	was, is := issue(t, nil, unchanged), issue(t, nil, unchanged)
	s := newShelf(t, was.text, was.key)
	c, err := s.load()
	must(t, err)
	s.said()
	s.put(is.text, is.key)
	c.reload()
	if !c.get().Leaf.Equal(is.cert) || !strings.Contains(s.said(), "certificate loaded") {
		t.Error("the new pair is not in use")
	}
	s.put(is.text, was.key)
	for range 2 {
		c.reload()
		if got := s.said(); !strings.Contains(got, "cannot be used") {
			t.Errorf("of a bad pair the log says %q", got)
		}
	}
}
