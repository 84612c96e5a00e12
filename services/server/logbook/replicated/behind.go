package replicated

import (
	"errors"

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
	known, cfg.Known, cfg.KnownRetired = cfg.Known, nil, 0
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
	switch {
	case err == nil:
		p.known = nil
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

// leaves are the lines of the volume's manifest.
type leaves struct{ *reader }

// Size returns how many there are.
func (l leaves) Size() uint64 { return l.Len() }

// Root returns the root of the tree over the first n.
func (l leaves) Root(n uint64) (tlog.Hash, error) { return l.root(n) }
