package handon

import (
	"errors"
	"fmt"
	"time"

	"sealpost/shared/numbers"
)

// ErrInUse means that another process is handing on from the same directory.
var ErrInUse = errors.New("another process is handing on from this directory")

// ErrTaken means that a name in the directory of messages belongs to something else.
var ErrTaken = errors.New("something else lies in DRIVER_MESSAGES_DIR under this name")

// errAway means that a log file was taken out of the output directory.
var errAway = errors.New("the log file is no longer there")

// StoppedError says at which message handing on stands, since it cannot be handed on.
type StoppedError struct {
	Number uint64
	Since  time.Time // of its first failure
	Cause  error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("message %d: not handed on, and none after it: failing since %s: %v",
		e.Number, e.Since.UTC().Format(time.RFC3339), e.Cause)
}

// Unwrap returns the cause.
func (e *StoppedError) Unwrap() error { return e.Cause }

// OwedError says which messages are owed, though their files are there: they could
// not be handed on.
type OwedError struct {
	Numbers numbers.Set
	Cause   error // of one of them
}

func (e *OwedError) Error() string {
	if count := e.Numbers.Count(); count > 1 {
		return fmt.Sprintf("%d messages: %v: owed, and not handed on: %v", count, e.Numbers, e.Cause)
	}
	return fmt.Sprintf("message %v: owed, and not handed on: %v", e.Numbers, e.Cause)
}

// Unwrap returns the cause.
func (e *OwedError) Unwrap() error { return e.Cause }

// InterruptedError says that the program was ended before all was handed on.
type InterruptedError struct {
	Number uint64 // the next one
	Cause  error
}

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted before message %d was handed on: %v", e.Number, e.Cause)
}

// Unwrap returns the cause.
func (e *InterruptedError) Unwrap() error { return e.Cause }
