package audit

import (
	"errors"
	"fmt"

	"sealpost/shared/message"
)

// Errors behind a TreeError, to be told apart with errors.Is.
var (
	// ErrShort: the manifest has fewer lines than were signed.
	ErrShort = errors.New("the manifest ends before the tree that was signed")
	// ErrAltered: the manifest's lines are not those that were signed. With one
	// signature alone an altered line cannot be told from a manifest that is
	// shown to others.
	ErrAltered = errors.New("the manifest is not the one that was signed")
	// ErrSplit: the identity signed two trees of which neither extends the
	// other. Nothing but the server, or who holds its key, can do that.
	ErrSplit = errors.New("split view")
)

// TreeError is a signed tree that the manifest is not in agreement with.
type TreeError struct {
	Head
	More  int    // further places where the same tree was found
	Lines uint64 // of the manifest that were read
	// From is the first line that can be at fault, the last one is Size-1.
	// Without a meaning for ErrSplit.
	From  uint64
	Cause error
}

func (e *TreeError) Error() string {
	where := message.Visible(e.Source)
	if e.More > 0 {
		where += fmt.Sprintf(" and %d more", e.More)
	}
	switch {
	case e.Cause == ErrShort:
		return fmt.Sprintf("%s: the end of the manifest was cut off: %s missing, of %d that were signed", where,
			e.suspects(), e.Size)
	case e.Cause == ErrSplit:
		return fmt.Sprintf("%s: split view: the server signed these %d lines and other ones, for different readers", where,
			e.Size)
	case e.Size == 0:
		return fmt.Sprintf("%s: it signs an empty manifest under a root that none has", where)
	}
	return fmt.Sprintf("%s: %d lines were signed, and the manifest has others: a change in %s, "+
		"or a split view: another manifest for other readers", where, e.Size, e.suspects())
}

// suspects names the lines that can be at fault.
func (e *TreeError) suspects() string {
	if e.From+1 == e.Size {
		return fmt.Sprintf("line %d", e.From)
	}
	return fmt.Sprintf("lines %d to %d", e.From, e.Size-1)
}

// Unwrap returns the cause.
func (e *TreeError) Unwrap() error { return e.Cause }
