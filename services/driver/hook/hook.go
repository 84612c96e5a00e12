// Package hook hands one message to a program of the operator's, or to an address.
//
// Guaranteed: what is handed on comes as bytes, and as values of environment
// variables or headers; none of it becomes a part of a command, of an address or of a
// path. A hook has a time limit, and what it says is bounded and made visible. None
// of the driver's settings reaches a command.
//
// Not guaranteed: that a hook gets a message once alone. It may get it again, under
// the same sender and id, after a crash.
package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sealpost/shared/logfile"
)

// Hook is told of messages, one at a time.
type Hook interface {
	// Hand returns nil once the message was taken. The error is a *FailedError, or
	// the cause of ctx.
	Hand(ctx context.Context, m Message) error
	// NeedsFile says whether Message.Path must be set.
	NeedsFile() bool
}

// Message is what a hook is told of one message.
type Message struct {
	Entry logfile.Entry
	File  string            // absolute path of the log file
	Path  string            // absolute path of a file of the message alone; may be empty
	Body  *io.SectionReader // the message
}

// ErrTimeout means that a hook did not end within its time limit.
var ErrTimeout = errors.New("it did not end within its time limit (DRIVER_ON_FILE_TIMEOUT)")

// FailedError says why a message was not taken.
type FailedError struct {
	Hook  string        // for people, and safe to show
	Said  string        // the end of what it said, safe to show; may be empty
	After time.Duration // it asks to be left alone for so long; 0: it does not
	Cause error
}

func (e *FailedError) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("%s: %v", e.Hook, e.Cause)
	}
	return fmt.Sprintf("%s: %v: %s", e.Hook, e.Cause, e.Said)
}

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Cause }

// within calls do with a context that ends with the time limit, and tells that end
// from the one of ctx, whose cause is returned as it is.
func within(ctx context.Context, limit time.Duration, do func(ctx context.Context) error) error {
	timed, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	err := do(timed)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case timed.Err() != nil:
		return context.Cause(timed)
	}
	return err
}
