package audit

import (
	"errors"
	"fmt"

	"sealpost/shared/message"
)

// Errors behind a Finding, to be told apart with errors.Is.
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

// Finding is a signed tree that the manifest is not in agreement with.
type Finding struct {
	Head
	More  int    // further places where the same tree was found
	Lines uint64 // of the manifest that were read
	// From is the first line that can be at fault, the last one is Size-1.
	// Without a meaning for ErrSplit.
	From  uint64
	Cause error
}

func (f *Finding) Error() string {
	where := message.Visible(f.Source)
	if f.More > 0 {
		where += fmt.Sprintf(" and %d more", f.More)
	}
	switch {
	case f.Cause == ErrShort:
		return fmt.Sprintf("%s: the end of the manifest was cut off: %s missing, of %d that were signed", where,
			f.lines(), f.Size)
	case f.Cause == ErrSplit:
		return fmt.Sprintf("%s: split view: the server signed these %d lines and other ones, for different readers", where,
			f.Size)
	case f.Size == 0:
		return fmt.Sprintf("%s: it signs an empty manifest under a root that none has", where)
	}
	return fmt.Sprintf("%s: %d lines were signed, and the manifest has others: a change in %s, "+
		"or a split view: another manifest for other readers", where, f.Size, f.lines())
}

// lines names the lines that can be at fault.
func (f *Finding) lines() string {
	if f.From+1 == f.Size {
		return fmt.Sprintf("line %d", f.From)
	}
	return fmt.Sprintf("lines %d to %d", f.From, f.Size-1)
}

// Unwrap returns the cause.
func (f *Finding) Unwrap() error { return f.Cause }
