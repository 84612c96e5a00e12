package receipts

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
)

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
	case item.New, item.Away: // one that was taken away was checked when it came
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
