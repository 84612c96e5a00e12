package courier

import (
	"errors"

	"sealpost/shared/message"
)

// maxBroken is how many connections may end under one message before it is
// postponed. A server that restarts ends one.
const maxBroken = 3

// PostponedError means that another try at once does not help this message: the
// server asked to try it again later, or one connection after the other ended
// under it. The next try must be under the same id: it may have been kept.
type PostponedError struct {
	ID     message.ID
	Reason string // [Reason] of Cause
	Cause  error
}

func (e *PostponedError) Error() string { return "not taken for now: " + e.Reason }

func (e *PostponedError) Unwrap() error { return e.Cause }

// attempts are those of one delivery. Its errors are looked at one by one.
type attempts struct {
	c      *Courier
	m      Message
	broken int
	said   string // the reason logged last
}

// failed returns a *PostponedError when the message is to be postponed after an
// attempt that ended in err on a live connection. A message that goes on being
// tried is named in the log when the reason changes.
func (a *attempts) failed(err error) error {
	reason := Reason(err)
	if !a.m.Postpone {
		if reason != a.said {
			a.said = reason
			a.c.cfg.Log.Warn().Stringer("id", a.m.ID).Str("reason", reason).Msg("not taken for now, trying again")
		}
		return nil
	}
	a.broken++
	if errors.As(err, new(*laterError)) || a.broken >= maxBroken {
		return &PostponedError{ID: a.m.ID, Reason: reason, Cause: err}
	}
	return nil
}
