package local

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
)

// health is the reason why messages cannot be kept, nil when they can.
type health struct {
	mu  sync.Mutex
	err error
}

func (h *health) set(err error) {
	h.mu.Lock()
	h.err = err
	h.mu.Unlock()
}

func (h *health) reason() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// failed turns readiness red after a failed file operation and gives the error
// that the caller hears. A full volume is told apart, since senders and
// operators act on it differently.
func (l *Logbook) failed(err error) error {
	if errors.Is(err, logbook.ErrUnavailable) || errors.Is(err, logbook.ErrMismatch) {
		return err
	}
	if errors.Is(err, logbook.ErrUnknown) { // whatever the cause: the records must be replaced first
		l.health.set(err)
		return err
	}
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err) // says nothing of the volume
	}
	l.health.set(err)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", logbook.ErrNoSpace, err)
	}
	return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
}

// accepting is nil when a message may start on its way in.
func (l *Logbook) accepting() error {
	select {
	case <-l.closing:
		return logbook.ErrClosed
	default:
	}
	if err := l.health.reason(); err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	return nil
}

// heal tries whether the volume can be written again: what may be left of a
// failed group is voided, a fresh file is written and flushed as a group would
// be, and the place of the next number is looked at. Only then readiness turns
// green.
func (l *Logbook) heal() error {
	if err := l.index.failure(); err != nil && l.health.reason() == nil {
		l.health.set(fmt.Errorf("index: %w", err))
	}
	if l.health.reason() == nil {
		return nil
	}
	err := l.tryHeal()
	l.health.set(err)
	return err
}

// checkRoom turns readiness red while the volume has less left than the room
// that durable messages need to be finished.
func (l *Logbook) checkRoom() {
	if err := l.roomLeft(); err != nil && l.health.reason() == nil {
		l.health.set(err)
	}
}

func (l *Logbook) roomLeft() error {
	free, err := freeBytes(l.vol.dir)
	if err == nil && free < headroom {
		err = fmt.Errorf("%w: the volume has less than the %d bytes left that are kept free", logbook.ErrNoSpace, headroom)
	}
	return err
}

func (l *Logbook) tryHeal() error {
	if err := l.roomLeft(); err != nil {
		return err
	}
	const name = stagingDir + "/" + stagedPrefix + "probe" // always the same, as is then the reason
	f, err := l.vol.open(name, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = l.vol.remove(name) }()
	_, err = l.vol.writeAt(f, name, []byte("sealpost probe\n"), 0)
	if err == nil {
		err = l.flushProbe(f, name)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := l.tree.mend(l.manifest); err != nil {
		return err
	}
	if err := l.checkpoint(); err != nil {
		return err
	}
	if err := l.index.mend(l.manifest); err != nil {
		return err
	}
	return l.placesFree(l.manifest.count(), 1)
}

// flushProbe flushes a file in each way in which the next group may be.
func (l *Logbook) flushProbe(f openFile, name string) error {
	if err := l.vol.sync(f, name); err != nil || !l.shareFlush(nil) {
		return err
	}
	if err := l.vol.syncFS(); err != nil {
		return err
	}
	return l.vol.written(f, name)
}
