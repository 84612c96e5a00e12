// Package framing moves bounded, typed records over a byte stream and knows the
// grammar of both wires. It knows no keys, no sockets and no logs.
//
// A record of the sealpost wire is
//
//	offset  size  field
//	0       1     type
//	1       4     payload length n, big-endian, at most the maximum of its type
//	5       n     payload
//
// A declared length is compared with the maximum of its type before a byte of
// the payload is read or allocated. The end of the stream between two records
// is io.EOF, anywhere else io.ErrUnexpectedEOF. A Reader that has failed stays
// failed. The layout of every payload is in docs/PROTOCOL.md.
package framing

import "fmt"

// Type is the kind of a record. Client records are below 0x80.
type Type uint8

// Record types. C marks those a client sends, S those a server sends.
const (
	TypeHello   Type = 0x01 // C: who I am
	TypeOffer   Type = 0x02 // C: what I have
	TypeData    Type = 0x03 // C: bytes of the message last offered
	TypeEnd     Type = 0x04 // C: its body is complete
	TypeCancel  Type = 0x05 // C: its body ends here, incomplete
	TypeWelcome Type = 0x81 // S: you are known; these are the limits
	TypeAccept  Type = 0x82 // S: send the rest of this body, from here on
	TypeReceipt Type = 0x83 // S: the message is in the logbook
	TypeRefusal Type = 0x84 // S: the message is not taken
	TypeClose   Type = 0x85 // S: this connection ends, for this reason
)

// Sizes in bytes.
const (
	HeaderSize     = 5
	MaxData        = 64 << 10 // payload of a DATA record
	MaxReceipt     = 16 << 10 // text of a receipt
	MaxToken       = 256
	MaxName        = 255 // message name
	MaxReason      = 512 // text of a refusal
	MaxLogbookID   = 64
	InitialWindow  = 256 << 10 // body bytes a client may send before ACCEPT
	maxHelloSize   = MaxToken
	offerFixed     = 4 + 16 + 1 + 8 + 8 + 32
	maxOfferSize   = offerFixed + MaxName
	maxWelcomeSize = 8 + 4 + 2 + MaxLogbookID
	acceptSize     = 4 + 8
	maxReceiptSize = 4 + MaxReceipt
	maxRefusalSize = 4 + 2 + MaxReason
	maxCloseSize   = 2 + MaxReason
)

// maxPayload is the largest payload of each type; a type that is not here does
// not exist.
var maxPayload = map[Type]uint32{
	TypeHello:   maxHelloSize,
	TypeOffer:   maxOfferSize,
	TypeData:    MaxData,
	TypeEnd:     0,
	TypeCancel:  0,
	TypeWelcome: maxWelcomeSize,
	TypeAccept:  acceptSize,
	TypeReceipt: maxReceiptSize,
	TypeRefusal: maxRefusalSize,
	TypeClose:   maxCloseSize,
}

var typeNames = map[Type]string{
	TypeHello: "HELLO", TypeOffer: "OFFER", TypeData: "DATA", TypeEnd: "END", TypeCancel: "CANCEL",
	TypeWelcome: "WELCOME", TypeAccept: "ACCEPT", TypeReceipt: "RECEIPT", TypeRefusal: "REFUSAL", TypeClose: "CLOSE",
}

func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("record type 0x%02x", uint8(t))
}

// Error is a breach of the grammar by the peer: an unknown type, a length over
// its maximum, a payload that does not parse, a record out of turn.
type Error struct {
	Type   Type
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Type, e.Reason) }

// checkLength says whether a record of type t can have n bytes of payload.
func checkLength(t Type, n uint64) error {
	limit, known := maxPayload[t]
	switch {
	case !known:
		return malformed(t, "unknown type")
	case n > uint64(limit):
		return malformed(t, "declared length %d is over the maximum of %d%s", n, limit, limitOf[t])
	case n == 0 && t == TypeData:
		return malformed(t, "it is empty")
	}
	return nil
}

// limitOf says what the maximum of a client's record comes from.
var limitOf = map[Type]string{
	TypeHello: fmt.Sprintf(": a token has at most %d bytes", MaxToken),
	TypeOffer: fmt.Sprintf(": a message name has at most %d bytes", MaxName),
	TypeData:  ": a longer body goes in several records",
}

func malformed(t Type, format string, args ...any) error {
	return &Error{Type: t, Reason: fmt.Sprintf(format, args...)}
}

// Unexpected is the error for a record that is well-formed and out of turn.
func Unexpected(t Type, state string) error {
	return malformed(t, "not allowed %s", state)
}
