// Package volumes keeps the log volume and the state volume one logbook: it
// judges whether they belong together, opens them, and carries out an operator's
// word that they are to.
//
// Guaranteed: what one volume remembers of the other is on stable storage there
// first, so that a power cut of either, at any moment, leaves volumes that fit.
// Volumes that do not are not written to, but for an acceptance that an operator
// has given.
package volumes

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
)

// Judge tells whether the volumes fit each other, and changes nothing: nil, or
// what a server would say at its start, that is a *local.MisfitError, a
// *local.ForkError, a *local.CorruptError, or that a file cannot be read. It may
// run beside a server.
func Judge(dir string, st *state.State) error {
	cfg, err := configOf(local.Config{Dir: dir}, st)
	if err != nil {
		return err
	}
	return local.Judge(cfg)
}

// Verify judges the volumes, compares every log file with the manifest, and
// gives each difference to report.
func Verify(dir string, st *state.State, report func(local.Difference)) (found local.Verified, err error) {
	cfg, err := configOf(local.Config{Dir: dir}, st)
	if err != nil {
		return found, err
	}
	return local.Verify(cfg, report)
}

// IsVerdict reports whether err is about what the volumes hold, and not about
// their being held, full or out of order now.
func IsVerdict(err error) bool {
	return errors.As(err, new(*local.MisfitError)) || errors.As(err, new(*local.ForkError)) ||
		errors.As(err, new(*local.CorruptError))
}

// configOf completes cfg with what the state volume knows.
func configOf(cfg local.Config, st *state.State) (local.Config, error) {
	if err := st.FollowLogbookID(); err != nil {
		return cfg, err
	}
	known, err := st.Checkpoint()
	if err != nil {
		return cfg, err
	}
	cfg.ID, cfg.Notary, cfg.Known = st.LogbookID(), st, known
	cfg.KnownRetired, err = st.RetiredSerial()
	cfg.KeepRetired = st.SetRetiredSerial
	return cfg, err
}

// Opened is a logbook, with the part of it that is on this server's volume, and who retires its
// messages.
type Opened struct {
	Book    logbook.Logbook
	Volume  *local.Logbook
	Retirer Retirer
	// Whole reports whether the volume has come to all that the state volume knows of it.
	Whole func() bool
}

// Opening opens a logbook.
type Opening func(local.Config) (Opened, error)

// OpenLocal is for a logbook that is on the volume alone.
func OpenLocal(cfg local.Config) (Opened, error) {
	book, err := local.Open(cfg)
	if err != nil {
		return Opened{}, err
	}
	return Opened{book, book, alone{book.Retirer}, func() bool { return true }}, nil
}

// Opener opens the logbook, as often as it takes. While what the volumes hold is
// the reason that it cannot, it keeps their lock: nobody accepts them beside it.
type Opener struct {
	cfg  local.Config
	st   *state.State
	open Opening

	mu   sync.Mutex
	lock *durable.FileLock

	opened atomic.Pointer[local.Logbook] // nil before the first success
}

// NewOpener returns an opener for cfg, of which ID, Notary, Known and Lock come
// from the volumes.
func NewOpener(cfg local.Config, st *state.State) *Opener { return NewOpenerOf(cfg, st, OpenLocal) }

// NewOpenerOf returns an opener of a logbook that is on the volume and elsewhere.
func NewOpenerOf(cfg local.Config, st *state.State, open Opening) *Opener {
	return &Opener{cfg: cfg, st: st, open: open}
}

// Open tries once. Errors are those of judge, and durable.ErrLocked while
// another server, or a command, has the log volume.
func (o *Opener) Open() (logbook.Logbook, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.hold(); err != nil {
		return nil, err
	}
	is, err := o.openOrAccept()
	if err == nil {
		o.opened.Store(is.Volume)
		return remembered(is, o.st, o.cfg.Retain, o.cfg.Log), nil
	}
	if !IsVerdict(err) { // it may be this server's trouble alone, and another may do better
		o.release()
	}
	return nil, err
}

// Figures returns what the logbook says of itself, and whether it is open.
func (o *Opener) Figures() (f local.Figures, open bool) {
	book := o.opened.Load()
	if book == nil {
		return f, false
	}
	return book.Figures(), true
}

// Room is nil while a message of the largest size would find room on the log volume,
// else why not; nil too while the logbook is not open.
func (o *Opener) Room() error {
	if book := o.opened.Load(); book != nil {
		return book.Room()
	}
	return nil
}

// Close gives the log volume up. The logbook must have been closed before.
func (o *Opener) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.release()
}

// hold takes the lock of the log volume that is there now.
func (o *Opener) hold() (err error) {
	if o.lock != nil && local.HoldsLock(o.cfg.Dir, o.lock) {
		return nil
	}
	o.release()
	o.lock, err = local.Lock(o.cfg.Dir)
	return err
}

func (o *Opener) release() {
	if o.lock != nil {
		_ = o.lock.Close()
		o.lock = nil
	}
}

// openOrAccept opens volumes that fit, and others if they were accepted.
func (o *Opener) openOrAccept() (Opened, error) {
	accepted, given, err := o.st.Accepted()
	if err != nil {
		return Opened{}, err
	}
	is, err := o.openOnce()
	switch {
	case err == nil && given:
		if err := o.st.EndAcceptance(); err != nil {
			return Opened{}, errors.Join(err, is.Book.Close())
		}
	case err != nil && given && IsVerdict(err) && isMeant(accepted, o.cfg.Dir):
		if err := carryOut(o.cfg.Dir, o.st, accepted, o.lock); err != nil {
			return Opened{}, err
		}
		trail.Mark(o.cfg.Log.Info(), trail.LogbookAccepted, trail.ByStateVolume).Str("logbook", accepted.ID).
			Str("log_volume", message.Visible(accepted.Was)).Msg("an acceptance that was cut short is carried out")
		return o.openOnce()
	}
	return is, err
}

func (o *Opener) openOnce() (Opened, error) {
	cfg, err := configOf(o.cfg, o.st)
	if err != nil {
		return Opened{}, err
	}
	cfg.Lock = o.lock
	return o.open(cfg)
}

// Last opens and closes a logbook on volumes that no server has, so that all of its
// messages are in their places, and returns the checkpoint over them. Errors are those of
// Opener.Open.
func Last(dir string, st *state.State) (last receipt.Checkpoint, err error) {
	cfg, err := configOf(local.Config{Dir: dir, Log: zerolog.Nop(), KeepParts: math.MaxInt64}, st)
	if err != nil {
		return last, err
	}
	book, err := local.Open(cfg)
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	return st.OpenCheckpoint(book.Checkpoint())
}
