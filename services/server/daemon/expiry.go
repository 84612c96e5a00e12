package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const (
	// soon is when a certificate's end is near: whoever renews in good time, a
	// month ahead or with a third of the time left, hears nothing of it.
	soon = 21 * 24 * time.Hour
	// soonPart is the part of its time (a quarter) that is soon for a certificate
	// that lives for days.
	soonPart = 4

	remindEvery = 24 * time.Hour
)

// newExpiry makes the metric of when certificates end, by kind: the identity's
// own, the operator's, and the first to end of those between it and its CA.
func newExpiry(reg prometheus.Registerer) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sealpost_certificate_expiry_timestamp_seconds",
		Help: "When a certificate in use expires, Unix time, by kind."},
		[]string{"kind"})
	reg.MustRegister(g)
	return g
}

// newBroken makes the metric of certificate files that cannot be used.
func newBroken(reg prometheus.Registerer) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sealpost_certificate_broken", Help: "1 while the certificate files cannot be used and an earlier pair is."})
	reg.MustRegister(g)
	return g
}

const (
	kindIdentity     = "identity"
	kindOperator     = "operator"
	kindIntermediate = "intermediate"
)

// setExpiry notes when an operator's chain ends.
func setExpiry(g *prometheus.GaugeVec, chain []*x509.Certificate) {
	g.WithLabelValues(kindOperator).Set(float64(chain[0].NotAfter.Unix()))
	g.DeleteLabelValues(kindIntermediate)
	if len(chain) > 1 {
		first := slices.MinFunc(chain[1:], func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		g.WithLabelValues(kindIntermediate).Set(float64(first.NotAfter.Unix()))
	}
}

// chainOf returns the leaf and what stands behind it, as far as it is to be read.
func chainOf(cert *tls.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{cert.Leaf}
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			break
		}
		chain = append(chain, c)
	}
	return chain
}

// flaw is something for which clients that check the certificate refuse it, now
// or soon.
type flaw struct {
	kind  string // stays the same while there is nothing new to say
	level zerolog.Level
	text  string
	fix   string
}

// datesOf compares the dates of a chain with the time.
func datesOf(chain []*x509.Certificate, now time.Time) []flaw {
	list := dateFlaws("the certificate", chain[0], now)
	for i, c := range chain[1:] {
		list = append(list, dateFlaws(fmt.Sprintf("certificate %d of the chain", i+2), c, now)...)
	}
	return list
}

// lastingFlaws looks for all else that the server can see. Which name its
// clients connect to it cannot.
func lastingFlaws(chain []*x509.Certificate) []flaw {
	var list []flaw
	if !forServers(chain[0]) {
		list = append(list, flaw{"purpose", zerolog.ErrorLevel, errPurpose.Error(), "ask its CA for one with serverAuth"})
	}
	if len(namesOf(chain[0])) == 0 {
		list = append(list, flaw{"names", zerolog.WarnLevel, "the certificate names no host (no subject alternative name)",
			"ask its CA for one with the name that clients connect to"})
	}
	for i, c := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(c); err != nil {
			list = append(list, flaw{fmt.Sprint("order ", i), zerolog.WarnLevel,
				fmt.Sprintf("certificate %d of the chain did not sign the one before it: %v", i+2, err),
				"first the server's certificate, then the one that signed it, and so on"})
		}
	}
	return list
}

// dateFlaws compares a certificate's dates with the time.
func dateFlaws(name string, c *x509.Certificate, now time.Time) []flaw {
	const renew = "put a renewed one in its place: the server takes it up by itself"
	left := c.NotAfter.Sub(now)
	switch date := c.NotAfter.UTC().Format(time.RFC3339); {
	case now.Before(c.NotBefore):
		return []flaw{{name + " not yet", zerolog.ErrorLevel, fmt.Sprintf("%s is not valid before %s, in %s", name,
			c.NotBefore.UTC().Format(time.RFC3339), span(c.NotBefore.Sub(now))), "is the clock of this machine right?"}}
	case left < 0:
		return []flaw{{name + " expired", zerolog.ErrorLevel,
			fmt.Sprintf("%s has expired on %s, %s ago", name, date, span(-left)), renew}}
	case left < min(soon, c.NotAfter.Sub(c.NotBefore)/soonPart):
		return []flaw{{name + " soon", zerolog.WarnLevel,
			fmt.Sprintf("%s expires on %s, in %s", name, date, span(left)), renew}}
	}
	return nil
}

// span is a time as people say it.
func span(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Minute).String()
}

// forServers reports whether a certificate may stand for a server: RFC 5280,
// section 4.2.1.12. One that lists no purpose is for any.
func forServers(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// namesOf lists the hosts that a certificate is for.
func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// reminder lets flaws be said when they change, and once a day.
type reminder struct {
	said string // the kinds
	at   time.Time
}

func (r *reminder) due(flaws []flaw, now time.Time) bool {
	kinds := make([]string, len(flaws))
	for i, f := range flaws {
		kinds[i] = f.kind
	}
	is := strings.Join(kinds, ", ")
	if is == r.said && now.Sub(r.at) < remindEvery {
		return false
	}
	r.said, r.at = is, now
	return true
}
