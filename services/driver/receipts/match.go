package receipts

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
)

// Signed returns how many lines of a logbook were signed, as its receipts say; of
// any logbook with "".
func (s *Set) Signed(origin string) (lines uint64) {
	for _, head := range s.heads {
		if origin == "" || head.Origin == origin {
			lines = max(lines, head.Size)
		}
	}
	return lines
}

// Only keeps to the receipts of one logbook. Those of others are counted and not
// compared: the manifest that they are in is not there any more. It is called
// before Match and Heads.
func (s *Set) Only(origin string) {
	for seq, opened := range s.opened {
		before := len(opened)
		s.opened[seq] = slices.DeleteFunc(opened, func(c openedReceipt) bool { return c.tree.Origin != origin })
		s.others += before - len(s.opened[seq])
	}
	s.heads = slices.DeleteFunc(s.heads, func(h audit.Head) bool { return h.Origin != origin })
}

// Others returns how many receipts are of other logbooks.
func (s *Set) Others() int { return s.others }

// None returns an *Error with ErrNone where no receipt of the logbook was found,
// and nothing wrong; else nil. It is called before Match.
func (s *Set) None() error {
	for _, opened := range s.opened {
		if len(opened) > 0 {
			return nil
		}
	}
	if len(s.failures) > 0 {
		return nil
	}
	return &Error{Path: sentDir, Seq: -1, Cause: ErrNone}
}

// Match holds the receipts of one number against what the collector made of
// that number. It is to be called for every item of the manifest.
func (s *Set) Match(item collector.Item) {
	opened := s.opened[item.Entry.Seq]
	if len(opened) == 0 {
		return
	}
	delete(s.opened, item.Entry.Seq)
	collected := collectedAs(item)
	for _, c := range opened {
		switch {
		case !bytes.Equal(c.line, item.Line):
			s.fail(c.path, int64(c.entry.Seq), ErrLine)
		case collected != nil:
			s.fail(c.path, int64(c.entry.Seq), fmt.Errorf("%w: %w", ErrNotCollected, collected))
		default:
			s.matched[c.tree]++
		}
	}
}

// collectedAs says what is wrong with the collected log file. One of this run
// was checked a moment ago, an older one is checked again.
func collectedAs(item collector.Item) error {
	switch {
	case item.Err != nil:
		return item.Err
	case item.New, item.Away, item.Retired: // one that was taken away was checked when it came
		return nil
	}
	return item.Check()
}

// Heads returns the signed tree of every receipt whose signature and proof hold,
// whatever else may be wrong with it.
func (s *Set) Heads() []audit.Head { return slices.Clone(s.heads) }

// Verified returns how many of the receipts that were matched so far rest on a
// tree that the audit of the manifest found true.
func (s *Set) Verified(manifest *audit.Audit) int {
	verified := 0
	for tree, receipts := range s.matched {
		if manifest.Holds(tree) {
			verified += receipts
		}
	}
	return verified
}

// Failures returns what was found wrong so far, each an *Error.
func (s *Set) Failures() []error { return slices.Clone(s.failures) }

// Unmatched returns an *Error for each receipt whose number had no Match:
// after the last one, those beyond the end of the manifest.
func (s *Set) Unmatched() []error {
	var left []openedReceipt
	for _, opened := range s.opened {
		left = append(left, opened...)
	}
	slices.SortFunc(left, func(a, b openedReceipt) int { return strings.Compare(a.path, b.path) })
	var failures []error
	for _, c := range left {
		failures = append(failures, &Error{Path: c.path, Seq: int64(c.entry.Seq), Cause: ErrNoLine})
	}
	return failures
}
