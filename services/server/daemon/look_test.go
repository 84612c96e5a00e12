package daemon

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sealpost/shared/crypto/identity"
)

// A pair is tried once two looks have found the same, so what a renewal has
// written by half is not.
func TestCertificateSettles(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	put := func() *identity.Identity {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		cert, err := id.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		for file, content := range map[string][]byte{certFile: text, keyFile: id.PEM()} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return id
	}
	was := put()
	registry := prometheus.NewRegistry()
	c, err := loadCertificate(Config{TLSCertFile: certFile, TLSKeyFile: keyFile}, zerolog.Nop(), time.Now, registry,
		newExpiry(registry))
	if err != nil {
		t.Fatal(err)
	}
	shows := func(id *identity.Identity, when string) {
		t.Helper()
		if !id.Public().Equal(c.get().Leaf.PublicKey) {
			t.Errorf("%s: another certificate", when)
		}
	}
	c.look()
	shows(was, "unchanged")
	put()
	c.look()
	shows(was, "seen once")
	is := put()
	c.look()
	shows(was, "another one, seen once")
	c.look()
	shows(is, "seen twice")
}
