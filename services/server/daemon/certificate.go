package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// errExpired means that a certificate's time is over.
var errExpired = errors.New("the certificate has expired")

// certificate is the operator's own, from two files. It is loaded again when
// they have changed; while what they hold cannot be used, the one before is.
type certificate struct {
	certFile, keyFile string
	log               zerolog.Logger
	inUse             atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	loaded pair // inUse is made of it
	seen   pair // at the last look
	judged pair // was tried last

	broken, expiry prometheus.Gauge
}

// pair is what the two files hold, or why they cannot be read.
type pair struct{ cert, key, unreadable string }

// loadCertificate loads the pair; here an error means that there is none to go
// on with.
func loadCertificate(certFile, keyFile string, log zerolog.Logger, reg prometheus.Registerer) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log,
		broken: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_certificate_broken", Help: "1 while the certificate files cannot be used and an earlier pair is."}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sealpost_certificate_expiry_timestamp_seconds", Help: "When the certificate in use expires, Unix time."}),
	}
	reg.MustRegister(c.broken, c.expiry)
	p := c.read()
	if err := c.load(p); err != nil {
		return nil, fmt.Errorf("SERVER_TLS_CERT_FILE: %w", err)
	}
	c.seen, c.judged = p, p
	return c, nil
}

// get returns the certificate for a handshake.
func (c *certificate) get() *tls.Certificate { return c.inUse.Load() }

// look takes up a pair that has changed. It is tried once two looks have found
// the same: whoever replaces two files does it one after the other, and a chain
// written by half can pass for a whole one.
func (c *certificate) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.read()
	settled := p == c.seen
	c.seen = p
	if !settled || p == c.judged {
		return
	}
	c.judged = p
	c.tell(c.load(p))
}

// tell says what became of a changed pair, in the log and in the metrics.
func (c *certificate) tell(err error) {
	if err != nil {
		c.broken.Set(1)
		c.log.Error().Err(err).Msg("the certificate files cannot be used; the certificate loaded before stays")
		return
	}
	c.broken.Set(0)
	c.log.Info().Time("not_after", c.get().Leaf.NotAfter).Msg("certificate loaded")
}

func (c *certificate) read() pair {
	cert, certErr := os.ReadFile(c.certFile)
	key, keyErr := os.ReadFile(c.keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return pair{unreadable: err.Error()}
	}
	return pair{cert: string(cert), key: string(key)}
}

// load puts a pair to use, if it can be used.
func (c *certificate) load(p pair) error {
	if p.unreadable != "" {
		return errors.New(p.unreadable)
	}
	cert, err := tls.X509KeyPair([]byte(p.cert), []byte(p.key))
	if err != nil {
		return err
	}
	// At the start there is nothing better to go on with.
	if c.get() != nil && p != c.loaded && time.Now().After(cert.Leaf.NotAfter) {
		return errExpired
	}
	c.loaded = p
	c.inUse.Store(&cert)
	c.expiry.Set(float64(cert.Leaf.NotAfter.Unix()))
	return nil
}
