package engine

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
)

// health is the reason why messages cannot be kept, nil when they can. Sessions
// and the committer turn it red; the committer alone turns it green, and only
// from the red that it saw as it began to heal.
type health struct {
	mu         sync.Mutex
	err        error
	generation uint64 // how often it was turned red
}

func (h *health) reason() error {
	_, err := h.state()
	return err
}

// state returns the reason, and its generation for healed.
func (h *health) state() (generation uint64, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.generation, h.err
}

// turnRed sets the reason.
func (h *health) turnRed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	h.generation++
}

// healed ends the red of a generation. One that came meanwhile stays: what was
// tried may have been before it.
func (h *health) healed(generation uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.generation == generation {
		h.err = nil
	}
}

// failed turns readiness red after a failed file operation and gives the error
// that the caller hears. A full volume is told apart, since senders and
// operators act on it differently.
func (h *health) failed(err error) error {
	if errors.Is(err, logbook.ErrUnavailable) || errors.Is(err, logbook.ErrMismatch) {
		return err
	}
	if errors.Is(err, logbook.ErrUnknown) { // whatever the cause: the records must be rotated first
		h.turnRed(err)
		return err
	}
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err) // says nothing of the volume
	}
	h.turnRed(err)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", logbook.ErrNoSpace, err)
	}
	return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
}
