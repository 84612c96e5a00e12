package outbox

import (
	"context"
	"fmt"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/message"
)

// LogbookError means that the server writes to another logbook than the one
// that this outbox's earlier messages are in.
type LogbookError struct{ Dir, Known, Server string }

func (e *LogbookError) Error() string {
	return fmt.Sprintf("the outbox knows logbook %s, the server writes to %s", e.Known, message.Visible(e.Server))
}

// AcceptLogbook makes the outbox know the logbook with that id from now on. It
// returns the id known before, "" where there was none.
func AcceptLogbook(dir, id string) (before string, err error) {
	b, err := box.Open(dir)
	if err != nil {
		return "", err
	}
	defer b.Close()
	return b.AcceptLogbook(id)
}

// checkLogbook compares the server's logbook with the one that the outbox
// knows; an outbox that knows none learns it now.
func (o *run) checkLogbook(ctx context.Context) (id string, err error) {
	if id, err = o.Logbook(ctx); err != nil {
		return "", err
	}
	if _, err := message.ParseID(id); err != nil {
		return "", fmt.Errorf("the server names %q: %w", message.Visible(id), box.ErrLogbookID)
	}
	known, err := o.box.LearnLogbook(id)
	switch {
	case err != nil:
		return "", storageError{err}
	case known != id:
		return "", &LogbookError{Dir: o.Dir, Known: known, Server: id}
	}
	return id, nil
}
