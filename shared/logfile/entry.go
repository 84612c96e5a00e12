package logfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sealpost/shared/message"
)

// MaxLine bounds a manifest line, in bytes, without its "\n".
const MaxLine = 4096

const version = 1

// lineTime is RFC 3339 with all nine digits of the nanoseconds, always UTC.
const lineTime = "2006-01-02T15:04:05.000000000Z"

// Entry is what the manifest says of one message. Its JSON names, in this
// order, are the keys of a manifest line.
type Entry struct {
	V             int            `json:"v"` // 1
	Seq           uint64         `json:"seq"`
	File          string         `json:"file"` // FileName(Seq)
	ID            message.ID     `json:"id"`
	Sender        string         `json:"sender"` // "-" on the 2012 wire
	Name          string         `json:"name"`   // may be empty where the sender is "-"
	Cipher        message.Cipher `json:"cipher"`
	ReceivedAt    time.Time      `json:"received_at"`    // an instant of the years 0 to 9999
	Size          uint64         `json:"size"`           // bytes of the message, decrypted
	EncryptedSize uint64         `json:"encrypted_size"` // bytes of the base64 text; 0 for cipher "none"
	SHA256        Digest         `json:"sha256"`         // of the message, decrypted
	FileSize      uint64         `json:"file_size"`
	FileSHA256    Digest         `json:"file_sha256"`
}

// LineError says why an entry is none, or a line is not a manifest line.
type LineError struct {
	Rule  string
	Cause error // may be nil
}

func (e *LineError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("manifest line: %s: %v", e.Rule, e.Cause)
	}
	return "manifest line: " + e.Rule
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Cause }

// Line returns the manifest line of e without its "\n": a JSON object without
// blanks, the keys in the order of Entry's fields, numbers in plain decimal,
// the time in UTC with nine digits after the point, and in strings only `"`
// and `\` escaped. The same entry always gives the same bytes. An entry that
// breaks a rule is refused with a [*LineError].
func (e Entry) Line() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	var line lineWriter
	line.number("v", uint64(e.V))
	line.number("seq", e.Seq)
	line.text("file", e.File)
	line.text("id", e.ID.String())
	line.text("sender", e.Sender)
	line.text("name", e.Name)
	line.text("cipher", string(e.Cipher))
	line.text("received_at", e.ReceivedAt.UTC().Format(lineTime))
	line.number("size", e.Size)
	line.number("encrypted_size", e.EncryptedSize)
	line.text("sha256", e.SHA256.String())
	line.number("file_size", e.FileSize)
	line.text("file_sha256", e.FileSHA256.String())
	return append(line.buf, '}'), nil
}

func (e Entry) check() error {
	if e.V != version {
		return &LineError{Rule: fmt.Sprintf("v must be %d", version)}
	}
	if e.File != FileName(e.Seq) {
		return &LineError{Rule: "file must be the name that belongs to seq"}
	}
	if year := e.ReceivedAt.UTC().Year(); year < 0 || year > 9999 {
		return &LineError{Rule: "received_at must lie in the years 0 to 9999"}
	}
	if err := checkNames(e.Sender, e.Name); err != nil {
		return &LineError{Rule: "names", Cause: err}
	}
	if err := checkCipher(e.Cipher, e.EncryptedSize); err != nil {
		return &LineError{Rule: "cipher", Cause: err}
	}
	return nil
}

// checkNames checks the two names of a message. Only one that came without a
// sender may come without a name.
func checkNames(sender, name string) error {
	if sender == message.NoSender {
		if name == "" {
			return nil
		}
		return message.CheckName(name)
	}
	if err := message.CheckSender(sender); err != nil {
		return err
	}
	return message.CheckName(name)
}

func checkCipher(c message.Cipher, encrypted uint64) error {
	if _, err := message.ParseCipher(string(c)); err != nil {
		return err
	}
	if (c == message.None) != (encrypted == 0) {
		return errEncryptedSize
	}
	return nil
}

// lineWriter builds a JSON object. Go's own encoder is not used because its
// escapes are its own; a signed line needs a form that other languages can
// reproduce from one sentence.
type lineWriter struct{ buf []byte }

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func (l *lineWriter) key(name string) {
	sep := `,"`
	if len(l.buf) == 0 {
		l.buf = make([]byte, 0, 640)
		sep = `{"`
	}
	l.buf = append(append(append(l.buf, sep...), name...), `":`...)
}

func (l *lineWriter) number(key string, n uint64) {
	l.key(key)
	l.buf = strconv.AppendUint(l.buf, n, 10)
}

func (l *lineWriter) text(key, s string) {
	l.key(key)
	l.buf = append(append(append(l.buf, '"'), escaper.Replace(s)...), '"')
}

// ParseLine reads a manifest line, without its "\n". It accepts only what
// [Entry.Line] writes, byte for byte, in at most [MaxLine] bytes; the error is
// a [*LineError]. The time of the entry is in UTC.
func ParseLine(line []byte) (Entry, error) {
	if len(line) > MaxLine {
		return Entry{}, &LineError{Rule: fmt.Sprintf("must be at most %d bytes", MaxLine)}
	}
	if !utf8.Valid(line) {
		return Entry{}, &LineError{Rule: "must be UTF-8"}
	}
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Entry{}, &LineError{Rule: "must be a JSON object with the known fields", Cause: err}
	}
	e.ReceivedAt = e.ReceivedAt.UTC()
	again, err := e.Line()
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, line) {
		return Entry{}, &LineError{Rule: "must be in the canonical form"}
	}
	return e, nil
}
