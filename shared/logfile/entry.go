package logfile

import (
	"fmt"
	"time"

	"sealpost/shared/message"
)

// MaxLine bounds a manifest line, in bytes, without its "\n".
const MaxLine = 4096

const version = 1

// Entry is what the manifest says of one message. Its JSON names, in this
// order, are the keys of a manifest line.
type Entry struct {
	V             int            `json:"v"` // 1
	Seq           uint64         `json:"seq"`
	File          string         `json:"file"` // FileName(Seq) or ShardedPath(Seq)
	ID            message.ID     `json:"id"`
	Sender        string         `json:"sender"` // "-" on the 2012 wire
	Name          string         `json:"name"`   // may be empty where the sender is "-"
	Cipher        message.Cipher `json:"cipher"`
	ReceivedAt    time.Time      `json:"received_at"`    // an instant of the years 1 to 9999
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
	line := make(lineWriter, 0, lineRoom+len(e.File)+len(e.Sender)+len(e.Name))
	line.number(keyV, uint64(e.V))
	line.number(keySeq, e.Seq)
	line.text(keyFile, e.File)
	line.hex(keyID, e.ID[:])
	line.text(keySender, e.Sender)
	line.text(keyName, e.Name)
	line.text(keyCipher, string(e.Cipher))
	line.time(keyReceivedAt, e.ReceivedAt)
	line.number(keySize, e.Size)
	line.number(keyEncryptedSize, e.EncryptedSize)
	line.hex(keySHA256, e.SHA256[:])
	line.number(keyFileSize, e.FileSize)
	line.hex(keyFileSHA256, e.FileSHA256[:])
	return append(line, lineEnd...), nil
}

// ParseLine reads a manifest line, without its "\n". It accepts only what
// [Entry.Line] writes, byte for byte, in at most [MaxLine] bytes; the error is
// a [*LineError]. The time of the entry is in UTC.
func ParseLine(line []byte) (Entry, error) {
	if len(line) > MaxLine {
		return Entry{}, &LineError{Rule: fmt.Sprintf("must be at most %d bytes", MaxLine)}
	}
	r := lineReader{rest: line}
	e := r.entry()
	if r.failed {
		at := len(line) - len(r.rest)
		return Entry{}, &LineError{Rule: fmt.Sprintf("must be in the canonical form, and is not at byte %d", at)}
	}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

func (e Entry) check() error {
	if e.V != version {
		return &LineError{Rule: fmt.Sprintf("v must be %d", version)}
	}
	if !isPath(e.File, e.Seq) {
		return &LineError{Rule: "file must be a path that belongs to seq"}
	}
	if !validYear(e.ReceivedAt.UTC()) {
		return &LineError{Rule: "received_at must lie in the years 1 to 9999"}
	}
	if err := checkNames(e.Sender, e.Name); err != nil {
		return &LineError{Rule: "names", Cause: err}
	}
	if err := checkCipher(e.Cipher, e.EncryptedSize); err != nil {
		return &LineError{Rule: "cipher", Cause: err}
	}
	return nil
}

// validYear: the dates of many languages begin with the year 1.
func validYear(t time.Time) bool { return 1 <= t.Year() && t.Year() <= 9999 }

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
