package stream

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Errors, to be told apart with errors.Is; the cause is wrapped behind them.
var (
	// ErrUnknown: the entry is in the stream, or comes into it later, or never does.
	ErrUnknown = errors.New("outcome unknown")
	// ErrUnacknowledged: an ErrUnknown, since nobody has said anything in time. Others come of what a
	// node said, or of a connection that ended.
	ErrUnacknowledged = errors.New("no acknowledgement in time")
	// ErrFull: the entry was refused for want of space, in the stream or on its nodes.
	ErrFull = errors.New("stream full")
	// ErrTooLarge: the nodes take no entry of this size. Nothing was sent.
	ErrTooLarge = errors.New("entry too large for the stream's nodes")
	// ErrNotFound: the leader has no entry at the position.
	ErrNotFound = errors.New("no entry at this position")
	// ErrChanged: another value than the one that was known is in the register. Nothing was
	// set.
	ErrChanged = errors.New("another value was set meanwhile")
	// ErrNoStream: the nodes know of no stream of this name.
	ErrNoStream = errors.New("no such stream")
	// ErrNoPlace: there are not as many nodes with as much room as a new stream is to have.
	ErrNoPlace = errors.New("not enough nodes, or not enough room on them")
	// ErrClosed: the Stream was closed.
	ErrClosed = errors.New("stream closed")
)

// ConnectError means that no node took the connection, or that the stream could not be
// looked at: there is none (ErrNoStream), it has other settings (*SettingsError), it has
// no leader now.
type ConnectError struct {
	Stream string
	Err    error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("connecting to stream %s: %v", e.Stream, e.Err)
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// GapError means that the stream has later entries and none at a position, as two
// leaders said in turn, or the only one that could be had. Once another node leads, the
// entry may be there.
type GapError struct{ Position uint64 }

func (e *GapError) Error() string {
	return fmt.Sprintf("the stream has no entry at position %d, and has later ones", e.Position)
}

// TrimmedError means that the entries asked for were purged: the leader's first one is
// First. A leader that lost its oldest entries by damage says the same.
type TrimmedError struct{ First uint64 }

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("the stream begins at position %d now: what comes before was trimmed", e.First)
}

// SettingsError means that a stream has other settings than those it must have.
type SettingsError struct {
	Stream, Field string // Field as the nodes call it
	Got, Want     string
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("stream %s: %s is %s, want %s", e.Stream, e.Field, e.Got, e.Want)
}

// NodeError means that a node that keeps the stream does not keep it as it must.
type NodeError struct {
	Stream, Node string
	Field        string // as the nodes call it
	Got, Want    string
}

func (e *NodeError) Error() string {
	return fmt.Sprintf("stream %s: on node %s %s is %s, want %s", e.Stream, e.Node, e.Field, e.Got, e.Want)
}

// unknown is an ErrUnknown for a reason.
func unknown(cause error) error { return fmt.Errorf("%w: %w", ErrUnknown, cause) }

// named puts one of this package's errors before one of the library's.
func named(err error, theirs jetstream.JetStreamError, ours error) error {
	if errors.Is(err, theirs) {
		return fmt.Errorf("%w: %w", ours, err)
	}
	return err
}
