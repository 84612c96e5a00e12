package courier

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"sealpost/shared/message"
)

// slowAnswer is how long an attempt to connect may take before it is said that
// nothing answers. The attempt itself goes on.
const slowAnswer = 3 * time.Second

// noAnswer is the reason of every attempt that ended by a time limit, and of
// one under way that takes long: so they count as one.
const noAnswer = "no answer"

// contact tells whether the server can be reached: once when it begins that it
// cannot, once when the reason changes, and once when it can be again.
type contact struct {
	tell func(reason string) // may be nil

	mu        sync.Mutex
	reason    string // why it cannot be reached; "": nothing is known against it
	connected bool   // the attempt before this one succeeded
}

// trying tells of an attempt that takes long. ended must be called, and tells
// nothing itself.
func (c *contact) trying() (ended func()) {
	over := false
	timer := time.AfterFunc(slowAnswer, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !over && c.reason == "" { // else the end of the attempt says more
			c.change(noAnswer)
		}
	})
	return func() {
		timer.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
	}
}

// tried notes how an attempt ended. first is true for a connection that is not
// merely one after another.
func (c *contact) tried(err error) (first bool) {
	reason := ""
	if err != nil {
		reason = Reason(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first = err == nil && !c.connected
	c.connected = err == nil
	c.change(reason)
	return first
}

// change is called with mu held, so that what is told comes in order.
func (c *contact) change(reason string) {
	if c.reason == reason {
		return
	}
	c.reason = reason
	if c.tell != nil {
		c.tell(reason)
	}
}

// Reason says why an attempt failed: in the same words each time that it fails
// in the same way, and visible on one line. So the ports of a connection are
// left out, which are others each time, and the time of a look at a certificate.
func Reason(err error) string {
	var lookup *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var closed *ClosedError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &closed):
		return message.Visible(closed.Error())
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "no such host: " + message.Visible(lookup.Name)
	case errors.As(err, &lookup):
		return "the name cannot be looked up: " + message.Visible(lookup.Name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return outOfDate(invalid.Cert)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return noAnswer
	case errors.As(err, &op):
		return message.Visible(op.Op + ": " + op.Err.Error())
	}
	return message.Visible(err.Error())
}

// outOfDate is the reason for a certificate, or one above it, that is not valid
// now.
func outOfDate(cert *x509.Certificate) string {
	if time.Now().Before(cert.NotBefore) {
		return "the server's certificate is not valid before " + cert.NotBefore.UTC().Format(time.RFC3339)
	}
	return "the server's certificate has expired on " + cert.NotAfter.UTC().Format(time.RFC3339)
}
