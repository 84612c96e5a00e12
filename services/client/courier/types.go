// Package courier carries messages to a Sealpost server and brings back their
// receipts.
//
// One Courier holds at most one connection and keeps several messages in flight
// on it. Deliver returns nil only when a receipt is in hand whose signature,
// proof, sender, id, size and hash have been checked. A refusal is believed only from
// inside the connection that it answers; every other end of a connection means
// "not known", and the message is offered again under the same id until the
// time without progress runs out. The server accepts an id once, so offering it
// again never makes a second file.
package courier

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"sealpost/services/client/courier/report"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Message is one message to deliver. Size and SHA256 are those of the bytes that
// Open gives, before any enciphering; they are declared to the server first and
// checked by it at the end.
type Message struct {
	ID     message.ID
	Name   string
	Cipher message.Cipher
	Key    cipher2012.Key // used with message.Cipher2012 alone
	Size   uint64
	SHA256 logfile.Digest
	// Logbook is the id of the one logbook that the message may go to; "": any.
	Logbook string
	// Postpone has Deliver give back a message that the server does not take for
	// now, rather than try again until Timeout.
	Postpone bool
	// Open is called once per attempt and its reader closed after it. What a
	// server has from an earlier attempt is sought past.
	Open func() (io.ReadSeekCloser, error)
}

// Unclosed returns r with a Close that does nothing, for Open.
func Unclosed(r io.ReadSeeker) io.ReadSeekCloser { return unclosed{r} }

type unclosed struct{ io.ReadSeeker }

func (unclosed) Close() error { return nil }

// WriteTo spares io.Copy a buffer where the reader does.
func (u unclosed) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, u.ReadSeeker) }

// Delivery is what the server answered: the receipt as it came and the manifest
// line in it.
type Delivery struct {
	Receipt []byte
	Entry   logfile.Entry
}

// Scope says what a refusal is about.
type Scope int

const (
	// OfMessage: this message will never be taken; others may be.
	OfMessage Scope = iota
	// OfConnection: the server does not take this client, or this client does
	// not take that server; every message stays where it is.
	OfConnection
)

// RefusalError is an answer that repeating will not change. Code is zero where
// the client refused the server, as when it is not one of the pinned identities.
type RefusalError struct {
	Code   framing.Code
	Of     Scope
	Reason string
	Cause  error
}

func (e *RefusalError) Error() string {
	if e.Code == 0 {
		return e.Reason
	}
	// On one line: what the server says must not look like words of ours.
	return fmt.Sprintf("refused: %s (%s)", message.Visible(e.Reason), e.Code)
}

func (e *RefusalError) Unwrap() error { return e.Cause }

// LogbookError means that the server writes to another logbook than the one the
// message may go to. It was not offered.
type LogbookError struct{ Want, Got string }

func (e *LogbookError) Error() string {
	return fmt.Sprintf("the server writes to logbook %s, not %s", message.Visible(e.Got), e.Want)
}

// UnknownError means that the message may or may not be in the logbook. Sending
// it again under the same id settles it without a double.
type UnknownError struct {
	ID    message.ID
	Cause error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("not known to be delivered: %v", e.Cause)
}

func (e *UnknownError) Unwrap() error { return e.Cause }

// ReadError means that the message's own bytes could not be read, or were not
// those declared.
type ReadError struct {
	Name  string
	Cause error
}

func (e *ReadError) Error() string { return fmt.Sprintf("reading %q: %v", e.Name, e.Cause) }

func (e *ReadError) Unwrap() error { return e.Cause }

// PostponedError means that another try at once does not help this message: the
// server asked to try it again later, or one connection after the other ended
// under it. The next try must be under the same id: it may have been kept.
type PostponedError struct {
	ID     message.ID
	Reason string // [Reason] of Cause
	// Until is when its sender, who is over its quota, may send a message of that size
	// again; zero: nothing is known of that.
	Until time.Time
	Cause error
}

func (e *PostponedError) Error() string { return "not taken for now: " + e.Reason }

func (e *PostponedError) Unwrap() error { return e.Cause }

// ClosedError is a CLOSE of the server that does not rule out another try.
type ClosedError struct {
	Code   framing.Code
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("server closed: %s (%s)", message.Visible(e.Reason), e.Code)
}

// laterError is a refusal that asks to try again.
type laterError struct {
	code   framing.Code
	reason string
	until  time.Time // CodeOverQuota: of the next try; zero: the server did not say
}

// mostRetryAfter bounds how long a server has a client wait: a day, and some more.
const mostRetryAfter = 25 * time.Hour

// laterOf makes an error of a refusal.
func laterOf(r framing.Refusal, now time.Time) *laterError {
	after, text := r.RetryAfter()
	later := &laterError{code: r.Code, reason: text}
	if after > 0 {
		later.until = now.Add(min(after, mostRetryAfter))
	}
	return later
}

// ofServer reports whether the refusal says that the server takes no messages for now.
// It does not where it is about what came of this one body, which is to be sent whole or
// was offered on another connection since, or about how much its sender has sent.
func (e *laterError) ofServer() bool {
	switch e.code {
	case framing.CodePartSpoiled, framing.CodeCancelled, framing.CodeOverQuota:
		return false
	}
	return true
}

func (e *laterError) Error() string {
	text := fmt.Sprintf("server: %s (%s)", message.Visible(e.reason), e.code)
	if e.until.IsZero() {
		return text
	}
	return text + ", to be tried again at " + e.until.UTC().Format(time.RFC3339)
}

// Causes of what Deliver returns, and of the ends of connections.
var (
	// ErrClosed: after Close.
	ErrClosed = errors.New("courier closed")
	// ErrNoProgress: nothing moved for the configured time.
	ErrNoProgress = errors.New("no progress for too long")
	// ErrStalled: a connection with messages under way stayed silent.
	ErrStalled = errors.New("the connection is stalled")
	// ErrForeignReceipt: a receipt is genuine and about something else.
	ErrForeignReceipt = errors.New("it is about another message")

	errSize     = errors.New("its size is not the one declared")
	errAnswered = errors.New("answered before the end of the body")
	errRetired  = errors.New("the server asked to try again later")
)

// lasting reports whether an error will be the same next time.
func lasting(err error) bool {
	return errors.As(err, new(*RefusalError)) || errors.As(err, new(*ReadError)) || errors.As(err, new(*LogbookError)) ||
		errors.As(err, new(*PostponedError)) || errors.Is(err, ErrClosed)
}

// final makes the error of a whole delivery from that of its last attempt.
func final(err error, m Message) error {
	if err == nil || lasting(err) && !errors.Is(err, ErrClosed) {
		return err
	}
	return &UnknownError{ID: m.ID, Cause: err}
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
	var unreached *unreachedError
	switch {
	case errors.As(err, &unreached):
		return reasons(unreached.failures)
	case errors.As(err, &closed):
		return message.Visible(closed.Error())
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "no such host: " + message.Visible(lookup.Name)
	case errors.As(err, &lookup):
		return "the name cannot be looked up: " + message.Visible(lookup.Name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return outOfDate(invalid.Cert)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return report.NoAnswer
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
