package replicated

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
)

// openVolume opens the logbook on this server's volume. One that was emptied, or is of an
// earlier day, lacks what the state volume knows of it, and comes to it by reading the log:
// known is what it must have come to then.
func openVolume(cfg local.Config) (book *local.Logbook, known []byte, err error) {
	book, err = local.Open(cfg)
	if err == nil || !behind(err) {
		return book, nil, err
	}
	known, keep, least := cfg.Known, cfg.KeepRetired, cfg.KnownRetired
	cfg.Known, cfg.KnownRetired = nil, 0
	cfg.KeepRetired = func(serial uint64) error { // what is known is not forgotten meanwhile
		if serial < least {
			return nil
		}
		return keep(serial)
	}
	book, err = local.Open(cfg)
	return book, known, err
}

// behind reports whether a volume may be what is known of it, some time before.
func behind(err error) bool {
	var fork *local.ForkError
	if errors.As(err, &fork) {
		return fork.Have < fork.Size
	}
	return errors.As(err, new(*local.MisfitError))
}

// caughtUp compares the volume with what is known of it, once it keeps all that is in the
// log. A log that has lost messages is not gone on with.
func (p *passing) caughtUp() error {
	if p.known == nil {
		return nil
	}
	if err := p.window.wait(); err != nil {
		return err
	}
	of := fit.Known{ID: p.cfg.Local.ID, Notary: p.cfg.Local.Notary}
	err := of.CheckCheckpoint(fit.Stored{Where: "the checkpoint of the state volume", Text: p.known}, leaves{p.reader})
	if least := p.cfg.Local.KnownRetired; err == nil && p.Retirer.Serial() < least {
		err = &LostError{fmt.Errorf("the list of retired messages has serial %d, known was %d", p.Retirer.Serial(), least)}
	}
	switch {
	case err == nil:
		p.known = nil
		p.whole.Store(true)
	case errors.As(err, new(*local.ForkError)):
		err = &LostError{err}
	}
	return err
}

// LostError means that the replicated log does not lead to what the state volume knows: it
// has lost messages that this server had kept.
type LostError struct{ Err error }

func (e *LostError) Error() string { return "the replicated log has lost messages: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Whole reports whether the volume keeps all that is known of it. Until then what it keeps is
// not to take the place of that.
func (l *Logbook) Whole() bool { return l.whole.Load() }

// leaves are the lines of the volume's manifest.
type leaves struct{ *reader }

// Size returns how many there are.
func (l leaves) Size() uint64 { return l.Len() }

// Root returns the root of the tree over the first n.
func (l leaves) Root(n uint64) (tlog.Hash, error) { return l.root(n) }
