package framing

import (
	"fmt"
	"maps"
	"slices"
)

// Code says why a message or a connection is refused. Its high byte is the
// class, which tells a client what to do even with a code it does not know.
type Code uint16

// Class is the high byte of a Code.
type Class uint8

// Classes.
const (
	ClassMessage         Class = 0x01 // this message will never be taken
	ClassMessageLater    Class = 0x02 // this message: try again later
	ClassConnection      Class = 0x03 // this client will not be served
	ClassConnectionLater Class = 0x04 // this connection: try again later
)

// Codes.
const (
	CodeTooLarge      Code = 0x0101 // message larger than the server takes
	CodeBadOffer      Code = 0x0102 // name, cipher or sizes that cannot be
	CodeIDConflict    Code = 0x0103 // the id is taken by other content
	CodeMismatch      Code = 0x0104 // bytes differ from the declared size or SHA-256
	CodeBadCiphertext Code = 0x0105 // cipher 2012: not base64, not blocks, bad padding

	CodeUnavailable Code = 0x0201 // the logbook cannot take it now
	CodeUnknown     Code = 0x0202 // outcome not known: the same id settles it
	CodeNoSpace     Code = 0x0203 // no room to stage it now
	CodeCancelled   Code = 0x0204 // the client cancelled the body, or offered it again elsewhere
	CodePartSpoiled Code = 0x0205 // what was kept of it does not fit: send it whole
	CodeOverQuota   Code = 0x0206 // its sender has sent as much as it may for now

	CodeProtocol        Code = 0x0301 // a record that breaks the grammar
	CodeUnauthenticated Code = 0x0302 // no valid token

	CodeBusy         Code = 0x0401 // too many connections
	CodeShuttingDown Code = 0x0402 // the server is stopping
	CodeTooSlow      Code = 0x0403 // below the least transfer rate
	CodeIdle         Code = 0x0404 // nothing was sent for too long
)

var codeNames = map[Code]string{
	CodeTooLarge: "too large", CodeBadOffer: "bad offer", CodeIDConflict: "id conflict",
	CodeMismatch: "content mismatch", CodeBadCiphertext: "bad ciphertext",
	CodeUnavailable: "unavailable", CodeUnknown: "outcome unknown", CodeNoSpace: "no space", CodeCancelled: "cancelled",
	CodePartSpoiled: "part spoiled", CodeOverQuota: "over quota",
	CodeProtocol: "protocol error", CodeUnauthenticated: "unauthenticated",
	CodeBusy: "busy", CodeShuttingDown: "shutting down", CodeTooSlow: "too slow", CodeIdle: "idle",
}

// Codes lists all codes, in their order.
func Codes() []Code { return slices.Sorted(maps.Keys(codeNames)) }

func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("code 0x%04x", uint16(c))
}

// Class returns the code's class. An unknown one comes from a later version: to
// wait loses nothing.
func (c Code) Class() Class { return Class(c >> 8) }
