package logfile

import (
	"encoding/hex"
	"strconv"
	"time"

	"sealpost/shared/message"
)

// Head is what the header of a log file says.
type Head struct {
	ReceivedAt    time.Time // written in its own zone, to the second
	Size          uint64    // bytes of the message, decrypted
	EncryptedSize uint64    // bytes of the base64 text; 0 for cipher "none"
	Cipher        message.Cipher
	Sender        string // "-" on the 2012 wire
	Name          string // "" on the 2012 wire: the line is left out
	ID            message.ID
}

// The fixed words of a log file. The zone of the time is not written.
const (
	fileTime = "Mon Jan 02, 2006 15:04:05"

	timeWord      = "Message Received at: "
	encryptedWord = "Total Encrypted Message Size: "
	decryptedWord = "Total Decrypted Message Size: "
	bytesWord     = " bytes"
	senderWord    = "Sender: "
	nameWord      = "Message Name: "
	idWord        = "Message ID: "
	leftOutLine   = "Encrypted Message Content: left out"

	plainTitle  = "-----\nDECRYPTED MESSAGE CONTENT\n-----\n\n"
	cipherTitle = "-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n"
)

// Layout says where each part of a log file lies:
//
//	offset           length           part
//	0                PlainOffset      Header
//	PlainOffset      Head.Size        the message, decrypted, byte for byte
//	+Head.Size       len(Trailer)     Trailer
//	CipherOffset     to FileSize      base64, wrapped (only if HasCiphertext)
type Layout struct {
	header  []byte
	trailer []byte
	size    uint64 // of the message
	wrapped int64  // bytes of the wrapped base64
}

// NewLayout lays out the log file of h. A base64 text of more than
// ciphertextMax bytes is left out, and the header says so. The names in h
// passed message.CheckName and message.CheckSender (what they refuse is
// escaped here all the same), its time lies in the years 1 to 9999, and its
// sizes were checked against limits below 2^61.
func NewLayout(h Head, ciphertextMax uint64) Layout {
	leftOut := h.EncryptedSize > ciphertextMax
	l := Layout{
		header:  headerText(h, leftOut),
		trailer: []byte("\n"),
		size:    h.Size,
	}
	if h.EncryptedSize > 0 && !leftOut {
		l.trailer = []byte("\n\n" + cipherTitle)
		l.wrapped = wrappedLen(h.EncryptedSize)
	}
	return l
}

func headerText(h Head, leftOut bool) []byte {
	const room = 400 // enough for the longest but for the names
	b := make([]byte, 0, room+len(h.Sender)+len(h.Name))
	b = h.ReceivedAt.AppendFormat(append(b, timeWord...), fileTime)
	b = append(b, "\n\n"...)
	if h.EncryptedSize > 0 {
		b = appendBytes(b, encryptedWord, h.EncryptedSize)
	}
	b = appendBytes(b, decryptedWord, h.Size)
	b = appendText(b, senderWord, message.Visible(h.Sender))
	if h.Name != "" {
		b = appendText(b, nameWord, message.Visible(h.Name))
	}
	b = hex.AppendEncode(append(b, idWord...), h.ID[:])
	b = append(b, '\n')
	if leftOut {
		b = appendText(b, leftOutLine, "")
	}
	return append(b, plainTitle...)
}

func appendBytes(b []byte, word string, n uint64) []byte {
	b = strconv.AppendUint(append(b, word...), n, 10)
	return append(append(b, bytesWord...), '\n')
}

func appendText(b []byte, word, text string) []byte {
	return append(append(append(b, word...), text...), '\n')
}

// Header returns everything that stands before the message.
func (l Layout) Header() []byte { return l.header }

// PlainOffset returns the offset of the message's first byte.
func (l Layout) PlainOffset() int64 { return int64(len(l.header)) }

// Trailer returns what follows the message, up to the base64 or to the end.
func (l Layout) Trailer() []byte { return l.trailer }

// CipherOffset returns the offset of the base64 text, or the size of the file
// where it has none.
func (l Layout) CipherOffset() int64 {
	return l.PlainOffset() + int64(l.size) + int64(len(l.trailer))
}

// HasCiphertext reports whether the file has a section with the base64 text.
func (l Layout) HasCiphertext() bool { return l.wrapped > 0 }

// FileSize returns the size of the whole file in bytes.
func (l Layout) FileSize() int64 { return l.CipherOffset() + l.wrapped }
