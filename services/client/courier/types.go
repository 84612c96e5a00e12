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
	"fmt"
	"io"

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
	// Open is called once per attempt and its reader closed after it.
	Open func() (io.ReadCloser, error)
}

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

// Refusal is an answer that repeating will not change. Code is zero where the
// client refused the server, as when it is not one of the pinned identities.
type Refusal struct {
	Code   framing.Code
	Of     Scope
	Reason string
	Cause  error
}

func (e *Refusal) Error() string {
	if e.Code == 0 {
		return e.Reason
	}
	// On one line: what the server says must not look like words of ours.
	return fmt.Sprintf("refused: %s (%s)", message.Visible(e.Reason), e.Code)
}

func (e *Refusal) Unwrap() error { return e.Cause }

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
