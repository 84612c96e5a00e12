package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sealpost/shared/bounded"
)

// maxPEM bounds a certificate with its chain, and a key, in bytes.
const maxPEM = 4 << 20

// certificate is the operator's own, from two files. It is loaded again when
// they have changed; while what they hold cannot be used, the one before is.
type certificate struct {
	certFile, keyFile string
	log               zerolog.Logger
	now               func() time.Time
	inUse             atomic.Pointer[tls.Certificate]

	mu       sync.Mutex
	loaded   pair // inUse is made of it
	chain    []*x509.Certificate
	lasting  []flaw    // that no date brings
	seen     pair      // at the last look
	judged   pair      // was tried last
	from     time.Time // when that becomes valid, if it failed for this alone
	reminder reminder

	broken prometheus.Gauge
	expiry *prometheus.GaugeVec
}

// pair is what the two files hold, or why they cannot be read.
type pair struct {
	cert, key             string
	unreadable, forReason string // a setting, and the reason
}

// loadCertificate loads the pair; here an error means that there is none to go
// on with. It is a *CertificateError.
func loadCertificate(cfg Config, log zerolog.Logger, now func() time.Time, reg prometheus.Registerer,
	expiry *prometheus.GaugeVec) (*certificate, error) {
	c := &certificate{certFile: cfg.TLSCertFile, keyFile: cfg.TLSKeyFile, log: log, now: now, expiry: expiry,
		broken: newBroken(reg)}
	p := c.read()
	if err := c.load(p); err != nil {
		return nil, err
	}
	c.seen, c.judged = p, p
	c.tell(nil)
	c.remind()
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
	if settled && (p != c.judged || c.becameValid()) {
		c.try(p)
	}
	c.remind()
}

// reload takes up what the files hold now: whoever asks for it has finished
// writing them. What cannot be used is said again.
func (c *certificate) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.read()
	c.seen = p
	c.try(p)
	c.remind()
}

func (c *certificate) try(p pair) {
	c.judged = p
	c.tell(c.load(p))
}

// becameValid reports whether the pair that was tried last failed for its first
// day alone, which has come.
func (c *certificate) becameValid() bool { return !c.from.IsZero() && !c.now().Before(c.from) }

// tell says what became of a pair, in the log and in the metrics.
func (c *certificate) tell(err error) {
	if err != nil {
		c.broken.Set(1)
		complaint(c.log, err).Msg("the certificate files cannot be used; the certificate loaded before stays")
		return
	}
	c.broken.Set(0)
	leaf := c.get().Leaf
	c.log.Info().Time("not_before", leaf.NotBefore).Time("not_after", leaf.NotAfter).Strs("names", namesOf(leaf)).
		Msg("certificate loaded")
}

// remind says what clients may refuse the certificate in use for.
func (c *certificate) remind() {
	now := c.now()
	flaws := append(datesOf(c.chain, now), c.lasting...)
	ended := c.reminder.said != "" && len(flaws) == 0
	if c.reminder.due(flaws, now) {
		for _, f := range flaws {
			c.log.WithLevel(f.level).Str("file", c.certFile).Str("hint", f.fix).Msg(f.text)
		}
	}
	if ended {
		c.log.Info().Time("not_after", c.get().Leaf.NotAfter).Msg("the certificate is in order again")
	}
}

func (c *certificate) read() pair {
	cert, err := bounded.ReadFile(c.certFile, maxPEM)
	if err != nil {
		return pair{unreadable: certSetting, forReason: reasonOf(err)}
	}
	key, err := bounded.ReadFile(c.keyFile, maxPEM)
	if err != nil {
		return pair{unreadable: keySetting, forReason: reasonOf(err)}
	}
	return pair{cert: string(cert), key: string(key)}
}

// load puts a pair to use, if it can be used.
func (c *certificate) load(p pair) error {
	c.from = time.Time{}
	cert, err := c.parse(p)
	if err != nil {
		return err
	}
	// At the start there is nothing better to go on with.
	if c.get() != nil && p != c.loaded {
		if err := c.worse(cert); err != nil {
			return err
		}
	}
	c.loaded, c.chain = p, chainOf(cert)
	c.lasting = lastingFlaws(c.chain)
	c.inUse.Store(cert)
	setExpiry(c.expiry, c.chain)
	return nil
}

// worse returns why clients would refuse cert, so that the certificate in use must
// stay, or nil.
func (c *certificate) worse(cert *tls.Certificate) error {
	now, leaf := c.now(), cert.Leaf
	var why error
	switch {
	case now.After(leaf.NotAfter):
		why = errExpired
	case now.Before(leaf.NotBefore):
		c.from = leaf.NotBefore
		why = errNotYet
	case !forServers(leaf):
		why = errPurpose
	default:
		return nil
	}
	return &CertificateError{Setting: certSetting, File: c.certFile, Err: why}
}

var (
	errExpired = errors.New("the certificate has expired")
	errNotYet  = errors.New("the certificate is not valid yet; it is taken up when it is")
	errPurpose = errors.New("the certificate is not for servers (no serverAuth among its extended key usages)")
)
