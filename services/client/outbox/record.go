package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"sealpost/shared/bounded"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/strictjson"
)

const (
	recordVersion = 1
	maxRecord     = 4096 // bytes
)

// ErrNoPassword means that a message was first offered with cipher 2012, and
// this client has no password to offer it with again.
var ErrNoPassword = errors.New("it was first offered with cipher 2012, and no password is set")

// ForeignError means that a claim was made by another sender: under our name
// the server would take the message a second time.
type ForeignError struct{ Sender string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("it was first offered by sender %q", message.Visible(e.Sender))
}

// RecordError means that a claim is not as this package leaves it, so that
// nobody can say what was offered under its id.
type RecordError struct {
	Dir, Rule string
	Cause     error // may be nil
}

func (e *RecordError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Dir, e.Rule, e.Cause)
	}
	return e.Dir + ": " + e.Rule
}

func (e *RecordError) Unwrap() error { return e.Cause }

// record says what was, or is about to be, offered under an id. It is durable
// before the first attempt, so that every later one offers the same.
type record struct {
	V      int            `json:"v"`
	ID     message.ID     `json:"id"`
	Sender string         `json:"sender"`
	Name   string         `json:"name"`
	Cipher message.Cipher `json:"cipher"`
	Size   uint64         `json:"size"`
	SHA256 logfile.Digest `json:"sha256"`
}

func (r record) write(dir *durable.Dir, heir durable.Owner) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return dir.WriteFile(recordName, append(text, '\n'), fileMode, heir)
}

// readRecord returns the claim's record; ok is false where there is none.
func readRecord(c *claim) (r record, ok bool, err error) {
	text, err := c.box.read(c.dir, recordName, maxRecord)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record{}, false, nil
	case errors.Is(err, bounded.ErrTooLong):
		return record{}, false, &RecordError{Dir: c.path(), Rule: "its record is damaged", Cause: errRecordLength}
	case err != nil:
		return record{}, false, &RecordError{Dir: c.path(), Rule: "its record cannot be read", Cause: err}
	}
	if r, err = parseRecord(text); err != nil {
		return record{}, false, &RecordError{Dir: c.path(), Rule: "its record is damaged", Cause: err}
	}
	if r.ID != c.id || r.Name != c.name {
		return record{}, false, &RecordError{Dir: c.path(), Rule: "its record is about another message"}
	}
	return r, true, nil
}

var (
	errRecordLength  = fmt.Errorf("longer than %d bytes", maxRecord)
	errRecordVersion = errors.New("of an unknown version")
)

// parseRecord reads the text of a record, strictly: known fields only, valid
// names and cipher, nothing behind.
func parseRecord(text []byte) (record, error) {
	var r record
	if err := strictjson.Unmarshal(text, &r); err != nil {
		return record{}, err
	}
	if r.V != recordVersion {
		return record{}, errRecordVersion
	}
	if _, err := message.ParseCipher(string(r.Cipher)); err != nil {
		return record{}, err
	}
	if err := message.CheckSender(r.Sender); err != nil {
		return record{}, err
	}
	return r, message.CheckName(r.Name)
}
