package hook

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What is the same for every message: CloudEvents 1.0, section 3.1, wants id and
// source to name an event together. Ids of messages are random, so that the source
// need not tell servers apart, and stays whatever server the file was fetched from.
const (
	eventSource = "/sealpost"
	eventType   = "sealpost.message"
)

// describe sets the headers of CloudEvents' HTTP binding 1.0.2, section 3.1: binary
// content mode.
func describe(h http.Header, m Message) error {
	kind, err := contentType(m.Body)
	if err != nil {
		return err
	}
	e := m.Entry
	h.Set("Content-Type", kind)
	h.Set("ce-specversion", "1.0")
	h.Set("ce-type", eventType)
	h.Set("ce-source", eventSource)
	h.Set("ce-id", encode(e.Sender+"/"+e.ID.String()))
	h.Set("ce-time", e.ReceivedAt.UTC().Format(time.RFC3339Nano))
	if e.Name != "" { // an attribute is not empty
		h.Set("ce-subject", encode(e.Name))
	}
	h.Set("ce-number", strconv.FormatUint(e.Seq, 10)) // two extensions, in lower case as all are
	h.Set("ce-sha256", e.SHA256.String())
	return nil
}

// encode is the percent-encoding of section 3.1.3.2: of what is not printable ASCII,
// and of blank, quotation mark and percent sign.
func encode(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c <= ' ', c == '"', c == '%', c >= 0x7f:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

const (
	textType  = "text/plain; charset=utf-8"
	bytesType = "application/octet-stream"
)

// contentType reads the message to its end: text is UTF-8 without a zero.
func contentType(body *io.SectionReader) (string, error) {
	piece := make([]byte, 32<<10)
	for at, cut := int64(0), 0; ; {
		n, err := body.ReadAt(piece[cut:], at)
		at += int64(n)
		var ok bool
		if cut, ok = text(piece[:cut+n], err == io.EOF); !ok {
			return bytesType, nil
		}
		switch err {
		case nil:
		case io.EOF:
			return textType, nil
		default:
			return "", err
		}
	}
}

// text reports whether a piece is text, and moves the beginning of a character that
// the piece cuts off to its start; none is cut by the last one.
func text(piece []byte, last bool) (cut int, ok bool) {
	for at := 0; at < len(piece); {
		if piece[at] < utf8.RuneSelf {
			if piece[at] == 0 {
				return 0, false
			}
			at++
			continue
		}
		if !last && !utf8.FullRune(piece[at:]) {
			return copy(piece, piece[at:]), true
		}
		r, size := utf8.DecodeRune(piece[at:])
		if r == utf8.RuneError && size == 1 {
			return 0, false
		}
		at += size
	}
	return 0, true
}
