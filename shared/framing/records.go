package framing

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Cipher numbers on the wire.
const (
	CipherNone uint8 = 0
	Cipher2012 uint8 = 1
)

// Welcome tells a client the server's limits and which logbook it writes.
type Welcome struct {
	MaxMessage  uint64 // bytes of a message, deciphered
	Window      uint32 // body bytes that may be sent before ACCEPT
	MaxInFlight uint16 // offers without an answer
	LogbookID   string // 1 to MaxLogbookID bytes of ASCII
}

// Offer declares a message before its bytes. Ref is the offer's number on this
// connection: 0, 1, 2, …
type Offer struct {
	Ref           uint32
	ID            [16]byte
	Cipher        uint8
	Size          uint64 // bytes, deciphered
	EncryptedSize uint64 // bytes of base64 text with Cipher2012, else 0
	SHA256        [32]byte
	Name          string // 1 to MaxName bytes of UTF-8
}

// Accept asks for the rest of the offer Ref's body. Behind the window, which
// travels in any case, the next byte is number Offset; 0: the one that follows.
type Accept struct {
	Ref    uint32
	Offset uint64 // 0, or from the window up to the size
}

// Receipt says that the offer Ref is in the logbook; Text is its receipt.
type Receipt struct {
	Ref  uint32
	Text []byte
}

// Refusal says that the offer Ref is not taken.
type Refusal struct {
	Ref    uint32
	Code   Code
	Reason string // at most MaxReason bytes of UTF-8
}

// Close says why the server ends the connection.
type Close struct {
	Code   Code
	Reason string
}

// AppendHello appends a HELLO record: the token as it is.
func AppendHello(dst []byte, token string) []byte { return Append(dst, TypeHello, []byte(token)) }

// AppendWelcome appends a WELCOME record.
func AppendWelcome(dst []byte, w Welcome) []byte {
	p := binary.BigEndian.AppendUint64(nil, w.MaxMessage)
	p = binary.BigEndian.AppendUint32(p, w.Window)
	p = binary.BigEndian.AppendUint16(p, w.MaxInFlight)
	return Append(dst, TypeWelcome, append(p, w.LogbookID...))
}

// ParseWelcome parses the payload of a WELCOME record.
func ParseWelcome(p []byte) (Welcome, error) {
	if len(p) < 15 {
		return Welcome{}, malformed(TypeWelcome, "%d bytes are too few", len(p))
	}
	w := Welcome{
		MaxMessage:  binary.BigEndian.Uint64(p),
		Window:      binary.BigEndian.Uint32(p[8:]),
		MaxInFlight: binary.BigEndian.Uint16(p[12:]),
		LogbookID:   string(p[14:]),
	}
	if w.MaxInFlight == 0 || w.Window == 0 {
		return Welcome{}, malformed(TypeWelcome, "a limit is zero")
	}
	if !printable(p[14:]) {
		return Welcome{}, malformed(TypeWelcome, "logbook id is not printable ASCII")
	}
	return w, nil
}

// AppendOffer appends an OFFER record.
func AppendOffer(dst []byte, o Offer) []byte {
	p := make([]byte, 0, maxOfferSize)
	p = binary.BigEndian.AppendUint32(p, o.Ref)
	p = append(p, o.ID[:]...)
	p = append(p, o.Cipher)
	p = binary.BigEndian.AppendUint64(p, o.Size)
	p = binary.BigEndian.AppendUint64(p, o.EncryptedSize)
	p = append(p, o.SHA256[:]...)
	return Append(dst, TypeOffer, append(p, o.Name...))
}

// ParseOffer parses the payload of an OFFER record. Whether its values can be
// is the caller's to judge: an offer that cannot be is refused by its Ref.
func ParseOffer(p []byte) (Offer, error) {
	if len(p) < offerFixed {
		return Offer{}, malformed(TypeOffer, "%d bytes are too few", len(p))
	}
	o := Offer{
		Ref:           binary.BigEndian.Uint32(p),
		ID:            [16]byte(p[4:20]),
		Cipher:        p[20],
		Size:          binary.BigEndian.Uint64(p[21:]),
		EncryptedSize: binary.BigEndian.Uint64(p[29:]),
		SHA256:        [32]byte(p[37:69]),
		Name:          string(p[offerFixed:]),
	}
	return o, nil
}

// AppendAccept appends an ACCEPT record.
func AppendAccept(dst []byte, a Accept) []byte {
	p := binary.BigEndian.AppendUint32(make([]byte, 0, acceptSize), a.Ref)
	return Append(dst, TypeAccept, binary.BigEndian.AppendUint64(p, a.Offset))
}

// ParseAccept parses the payload of an ACCEPT record. Whether its offset can be
// is for the one who made the offer to judge.
func ParseAccept(p []byte) (Accept, error) {
	if len(p) != acceptSize {
		return Accept{}, malformed(TypeAccept, "%d bytes instead of %d", len(p), acceptSize)
	}
	return Accept{Ref: binary.BigEndian.Uint32(p), Offset: binary.BigEndian.Uint64(p[4:])}, nil
}

// AppendReceipt appends a RECEIPT record.
func AppendReceipt(dst []byte, r Receipt) []byte {
	p := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(r.Text)), r.Ref)
	return Append(dst, TypeReceipt, append(p, r.Text...))
}

// ParseReceipt parses the payload of a RECEIPT record; Text is a copy.
func ParseReceipt(p []byte) (Receipt, error) {
	if len(p) < 5 {
		return Receipt{}, malformed(TypeReceipt, "%d bytes are too few", len(p))
	}
	return Receipt{Ref: binary.BigEndian.Uint32(p), Text: bytes.Clone(p[4:])}, nil
}

// AppendRefusal appends a REFUSAL record; a longer reason is cut.
func AppendRefusal(dst []byte, r Refusal) []byte {
	p := binary.BigEndian.AppendUint32(nil, r.Ref)
	p = binary.BigEndian.AppendUint16(p, uint16(r.Code))
	return Append(dst, TypeRefusal, append(p, clip(r.Reason)...))
}

// ParseRefusal parses the payload of a REFUSAL record.
func ParseRefusal(p []byte) (Refusal, error) {
	if len(p) < 6 {
		return Refusal{}, malformed(TypeRefusal, "%d bytes are too few", len(p))
	}
	r := Refusal{Ref: binary.BigEndian.Uint32(p), Code: Code(binary.BigEndian.Uint16(p[4:])), Reason: string(p[6:])}
	if !utf8.ValidString(r.Reason) {
		return Refusal{}, malformed(TypeRefusal, "reason is not UTF-8")
	}
	return r, nil
}

// AppendClose appends a CLOSE record; a longer reason is cut.
func AppendClose(dst []byte, c Close) []byte {
	p := binary.BigEndian.AppendUint16(nil, uint16(c.Code))
	return Append(dst, TypeClose, append(p, clip(c.Reason)...))
}

// ParseClose parses the payload of a CLOSE record.
func ParseClose(p []byte) (Close, error) {
	if len(p) < 2 {
		return Close{}, malformed(TypeClose, "%d bytes are too few", len(p))
	}
	c := Close{Code: Code(binary.BigEndian.Uint16(p)), Reason: string(p[2:])}
	if !utf8.ValidString(c.Reason) {
		return Close{}, malformed(TypeClose, "reason is not UTF-8")
	}
	return c, nil
}

// clip cuts s to MaxReason bytes without splitting a character.
func clip(s string) string {
	if !utf8.ValidString(s) {
		return "reason is not text"
	}
	if len(s) <= MaxReason {
		return s
	}
	end := MaxReason
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func printable(p []byte) bool {
	for _, c := range p {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
