package replicated

import "errors"

// Finding is something that is wrong with the log, as this server sees it.
type Finding string

// What may be wrong. Several may be at once.
const (
	Disputed   Finding = "disputed"   // others have read something else; this server has the majority
	Minority   Finding = "minority"   // others have read something else, and this server has no majority
	Damaged    Finding = "damaged"    // the node that leads the log does not have all of it
	Unfit      Finding = "unfit"      // the log is not one that keeps what it acknowledges
	Uncounted  Finding = "uncounted"  // this server does not count in the log
	Unanswered Finding = "unanswered" // the log does not answer, or has not said yet how it is kept
)

// Findings are all that there may be.
func Findings() []Finding {
	return []Finding{Disputed, Minority, Damaged, Unfit, Uncounted, Unanswered}
}

// found is what is wrong.
func (h *health) found() map[Finding]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	unchecked := errors.Is(h.unfit, errUnchecked)
	return map[Finding]bool{
		Disputed: h.forked != nil && h.forked.Ours, Minority: h.minority() != nil, Damaged: h.damage != nil,
		Unfit: h.unfit != nil && !unchecked, Uncounted: h.strange, Unanswered: unchecked,
	}
}
