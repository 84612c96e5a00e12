package logfile

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"sealpost/shared/message"
)

// What stands around the values of a manifest line, in this order; the quote
// that closes a string is the first character of what follows. Go's own JSON
// package is not used: its escapes are its own, and it reads many spellings of
// one line. A signed line needs a single form, one that other languages can
// reproduce from one sentence. Nor is it as fast: with it a client spends a fifth
// more of its processor time on a small message, a server a twentieth.
const (
	keyV             = `{"v":`
	keySeq           = `,"seq":`
	keyFile          = `,"file":"`
	keyID            = `","id":"`
	keySender        = `","sender":"`
	keyName          = `","name":"`
	keyCipher        = `","cipher":"`
	keyReceivedAt    = `","received_at":"`
	keySize          = `","size":`
	keyEncryptedSize = `,"encrypted_size":`
	keySHA256        = `,"sha256":"`
	keyFileSize      = `","file_size":`
	keyFileSHA256    = `,"file_sha256":"`
	lineEnd          = `"}`

	// lineRoom is enough for a line without its names, if its numbers are not
	// all of the longest.
	lineRoom = 440
)

// lineWriter is a line as far as it has been written.
type lineWriter []byte

func (l *lineWriter) number(key string, n uint64) {
	*l = strconv.AppendUint(append(*l, key...), n, 10)
}

func (l *lineWriter) hex(key string, p []byte) {
	*l = hex.AppendEncode(append(*l, key...), p)
}

func (l *lineWriter) time(key string, t time.Time) {
	*l = appendTime(append(*l, key...), t)
}

// text escapes `"` and `\` in s.
func (l *lineWriter) text(key, s string) {
	line, from := append(*l, key...), 0
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			line = append(append(line, s[from:i]...), '\\')
			from = i
		}
	}
	*l = append(line, s[from:]...)
}

// timeLen is the length of a time of the years 1 to 9999.
const timeLen = len("2006-01-02T15:04:05.000000000Z")

// appendTime appends RFC 3339 with all nine digits of the nanoseconds, always
// UTC. The package time is quick with its own formats alone, and those leave
// out what is zero.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	z := len(b) - 1
	b = strconv.AppendUint(b[:z], 1e9+uint64(t.Nanosecond()), 10)
	b[z] = '.' // in place of the 1 that brought the leading zeroes
	return append(b, 'Z')
}

// lineReader walks over a line from left to right. After the first failure it
// returns zero values and stays failed, before the part that is not as it must
// be.
type lineReader struct {
	rest   []byte
	failed bool
}

func (r *lineReader) entry() Entry {
	var e Entry
	e.V = int(min(r.number(keyV), math.MaxInt32)) // also where an int has 32 bits
	e.Seq = r.number(keySeq)
	e.File = r.text(keyFile)
	r.hex(keyID, e.ID[:])
	e.Sender = r.text(keySender)
	e.Name = r.text(keyName)
	e.Cipher = message.Cipher(r.text(keyCipher))
	e.ReceivedAt = r.time(keyReceivedAt)
	e.Size = r.number(keySize)
	e.EncryptedSize = r.number(keyEncryptedSize)
	r.hex(keySHA256, e.SHA256[:])
	e.FileSize = r.number(keyFileSize)
	r.hex(keyFileSHA256, e.FileSHA256[:])
	r.word(lineEnd)
	r.pass(0, len(r.rest) == 0)
	return e
}

// pass goes on behind the next n bytes if they are as they must be.
func (r *lineReader) pass(n int, ok bool) bool {
	if r.failed = r.failed || !ok; r.failed {
		return false
	}
	r.rest = r.rest[n:]
	return true
}

func (r *lineReader) word(w string) {
	r.pass(len(w), len(r.rest) >= len(w) && string(r.rest[:len(w)]) == w)
}

func (r *lineReader) number(key string) uint64 {
	r.word(key)
	digits := 0
	for digits < len(r.rest) && '0' <= r.rest[digits] && r.rest[digits] <= '9' {
		digits++
	}
	n, ok := parseDecimal(string(r.rest[:digits]))
	if !r.pass(digits, ok) {
		return 0
	}
	return n
}

func (r *lineReader) hex(key string, p []byte) {
	r.word(key)
	n := hex.EncodedLen(len(p))
	r.pass(n, len(r.rest) >= n && decodeHex(p, r.rest[:n]))
}

func (r *lineReader) time(key string) time.Time {
	r.word(key)
	text := r.rest[:min(len(r.rest), timeLen)]
	var t time.Time
	err := t.UnmarshalText(text)
	// Other zones and other spellings of the second's parts can be read too.
	var again [timeLen + 8]byte
	if !r.pass(len(text), err == nil && bytes.Equal(appendTime(again[:0], t), text)) {
		return time.Time{}
	}
	return t.UTC()
}

// text reads a string up to the quote that closes it. What else may stand in
// it is for others to check.
func (r *lineReader) text(key string) string {
	r.word(key)
	end, escapes := 0, false
	for end < len(r.rest) && r.rest[end] != '"' {
		if r.rest[end] == '\\' {
			escapes = true
			end++
		}
		end++
	}
	if !r.pass(0, end < len(r.rest)) {
		return ""
	}
	text, ok := r.rest[:end], true
	if escapes {
		text, ok = unescape(text)
	}
	if !r.pass(end, ok) {
		return ""
	}
	return string(text)
}

// unescape takes away the backslash before each `"` and `\`. Before anything
// else, or at the end, it must not stand.
func unescape(raw []byte) (text []byte, ok bool) {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if i++; i == len(raw) || raw[i] != '"' && raw[i] != '\\' {
				return nil, false
			}
		}
		text = append(text, raw[i])
	}
	return text, true
}
