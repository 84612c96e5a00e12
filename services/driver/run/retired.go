package run

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

// Errors behind a RetiredError besides those of package receipt, to be told apart with
// errors.Is. receipt.ErrLowerSerial and ErrRetiredGone are a rollback, by the server or
// whoever holds its files; receipt.ErrTakenBack is a forgery.
var (
	// ErrRetiredGone means that the server once showed a list, and now has none: it
	// replaces them and never takes them away.
	ErrRetiredGone = errors.New("the server had a list of retired messages earlier, and has none now")
	// ErrOtherLogbook means that the list is not of the logbook whose checkpoint lies
	// beside it, or that none does.
	ErrOtherLogbook = errors.New("the checkpoint beside it is not of its logbook")
)

// RetiredError says why a list of retired messages cannot be gone by.
type RetiredError struct {
	Where string // for people: the server's, or the kept one
	Cause error
}

func (e *RetiredError) Error() string {
	return fmt.Sprintf("%s: %v", message.Visible(e.Where), e.Cause)
}

// Unwrap returns the cause.
func (e *RetiredError) Unwrap() error { return e.Cause }

// How the two lists are called.
const (
	serverRetired = "list of retired messages"
	keptRetired   = "kept list of retired messages " // and its path
)

// retired are the list of retired messages that the server shows and the one that was
// kept in an earlier run, of the logbook that the checkpoints are of.
type retired struct {
	beside   *checkpoints
	read     bool
	known    receipt.Retired // the newest that holds; no number is taken out of it again
	keptText []byte
	judged   []byte // the server's newest, whether it holds or not
	text     []byte // of the newest that the server showed, where it holds
	failures []error
}

// take looks at the server's list, as [collector.Config] hands it on, and returns all
// numbers that are known to be retired. What a list lacks that is not believed is not
// missed: the one before still holds.
func (r *retired) take(text []byte, err error) numbers.Set {
	if !r.read {
		r.read = true
		r.readKept()
	}
	switch {
	case err != nil:
		r.fail(serverRetired, err)
	case text != nil && !bytes.Equal(text, r.judged):
		r.judged = text
		r.judge(text)
	case text != nil:
	case r.known.Serial > 0:
		r.fail(serverRetired, ErrRetiredGone)
	}
	return r.known.Numbers.Clone()
}

func (r *retired) judge(text []byte) {
	list, err := receipt.OpenRetired(text, r.beside.pins)
	if err == nil && !list.Of(r.beside.origin()) {
		err = ErrOtherLogbook
	}
	if err == nil {
		err = list.Follows(r.known)
	}
	if err != nil {
		r.fail(serverRetired, err)
		return
	}
	r.known, r.text = list, text
}

// readKept reads the kept list. One of another logbook is of before an operator gave the
// server's a new id; the checkpoints say whether that holds.
func (r *retired) readKept() {
	where := keptRetired + filepath.Join(r.beside.out.Path(), logfile.RetiredName)
	text, err := r.beside.out.ReadFile(logfile.RetiredName, int64(receipt.MaxRetired))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var list receipt.Retired
	if err == nil {
		list, err = receipt.OpenRetired(text, r.beside.pins)
	}
	if err != nil {
		r.fail(where, err)
		return
	}
	r.keptText = text
	if list.Of(r.beside.origin()) {
		r.known = list
	}
}

func (r *retired) fail(where string, err error) {
	r.failures = append(r.failures, &RetiredError{Where: where, Cause: err})
}

// keep puts the server's list in the place of the kept one, if nothing is wrong with it
// or with the checkpoint beside it.
func (r *retired) keep() error {
	signed := r.beside.fetched
	if len(r.failures) > 0 || len(r.beside.failures) > 0 || r.text == nil || bytes.Equal(r.text, r.keptText) ||
		signed == nil || !r.beside.audit.Holds(signed.Checkpoint) {
		return nil
	}
	return r.beside.out.WriteFile(logfile.RetiredName, r.text)
}
