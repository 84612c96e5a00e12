package engine

import (
	"errors"

	"sealpost/services/server/logbook"
)

// Row is the order of messages that comes from outside: where one of them cannot be
// kept now, none behind it is, so that the numbers follow that order. Who brings them
// hears each one's error, and begins a new row with the first that failed. Its field is
// the committer's once the first message is pushed.
type Row struct{ broken error }

// broken is why the messages behind one that failed are not kept; nil: none did.
func (m *Message) broken() error {
	if m.Row == nil {
		return nil
	}
	return m.Row.broken
}

// breakRow takes down how a message ended. An id that is taken is for good, and holds
// nobody up.
func (m *Message) breakRow(err error) {
	if m.Row == nil || m.Row.broken != nil || errors.Is(err, logbook.ErrConflict) {
		return
	}
	m.Row.broken = err
}
