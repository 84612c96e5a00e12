package replicated

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/fold"
)

// health is why this server does not keep messages, beside what its volume says.
type health struct {
	fresh func() error // nil where this server knows what all share

	mu      sync.Mutex
	reading error           // why the log is not read; nil: it is
	forked  *fold.ForkError // others have read something else; nil: nobody has
	damage  error           // of the node that leads the log
	unfit   error           // why the log cannot be relied on; nil: it was looked at, and can
	altered error           // the volume's manifest is not what it was; nil: nobody has found so
	strange bool            // this server does not count
}

// Why a server is not ready that has just begun.
var (
	errBehind    = errors.New("the replicated log is still being read")
	errUnchecked = errors.New("the nodes of the replicated log have not said yet how they keep it")
)

// ErrStrange is why a server is not ready that nobody waits for.
var ErrStrange = errors.New("this server does not count in the replicated log: " +
	"it was not made to join, or was forgotten since it was away for too long")

func (h *health) get() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason := cmp.Or(h.altered, h.reading, h.minority(), h.damage, h.unfit, h.fresh())
	if reason == nil && h.strange {
		return ErrStrange
	}
	return reason
}

// doubt is a logbook.ErrUnavailable while this server may be one of few that have read
// something else, or has other lines than it signed for, or may not know who signs now.
func (h *health) doubt() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason := cmp.Or(h.altered, h.minority(), h.fresh()); reason != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, reason)
	}
	return nil
}

// minority is the fork in which this server has no majority. It is called with mu held.
func (h *health) minority() error {
	if h.forked == nil || h.forked.Ours {
		return nil
	}
	return h.forked
}

func (h *health) audited(damage error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.damage = damage
}

func (h *health) checked(unfit error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unfit = unfit
}

func (h *health) lines(altered error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.altered = altered
}

func (h *health) counts(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strange = !yes
}

func (h *health) read(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reading = reason
}

// fork returns whether the same was said before.
func (h *health) fork(e *fold.ForkError) (told bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	told = e != nil && h.forked != nil && e.Error() == h.forked.Error()
	h.forked = e
	return told
}
