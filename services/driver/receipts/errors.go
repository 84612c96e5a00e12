package receipts

import (
	"errors"
	"fmt"

	"sealpost/shared/message"
)

// Errors behind an Error, to be told apart with errors.Is.
var (
	// ErrRefused: the server refused the message for good.
	ErrRefused = errors.New("refused")
	// ErrNoReceipt: a file lies in sent/ without a receipt beside it.
	ErrNoReceipt = errors.New("sent without a receipt")
	// ErrNoMessage: a receipt lies in sent/ without its message file.
	ErrNoMessage = errors.New("the message file beside the receipt is missing")
	// ErrNone: there is no receipt at all.
	ErrNone = errors.New("there is no receipt at all")
	// ErrMessage: the message file is not the one that the receipt is about.
	ErrMessage = errors.New("the message file is not the one of the receipt")
	// ErrLine: the manifest says something else under the receipt's number.
	ErrLine = errors.New("the manifest has another line under the receipt's number")
	// ErrNoLine: the manifest does not reach to the receipt's number.
	ErrNoLine = errors.New("the manifest has no line of the receipt's number")
	// ErrNotCollected: the log file of the receipt was not collected.
	ErrNotCollected = errors.New("the log file of the receipt was not collected")
)

// Error is one thing in an outbox that is not as it must be.
type Error struct {
	Path  string // of the file or directory
	Seq   int64  // number of the message, -1 where unknown
	Cause error
}

func (e *Error) Error() string {
	where := message.Visible(e.Path)
	if e.Seq >= 0 {
		return fmt.Sprintf("outbox: %s: message %d: %v", where, e.Seq, e.Cause)
	}
	return fmt.Sprintf("outbox: %s: %v", where, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
