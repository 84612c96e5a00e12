package run

import (
	"errors"
	"fmt"
	"strings"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

// ErrNoLogbook means that nothing shows that the server has the logbook that was
// accepted: it has no checkpoint that can be gone by.
var ErrNoLogbook = errors.New("nothing shows that this is the logbook that was accepted")

// LogbookError means that the server shows another logbook than the one that was
// collected, or accepted.
type LogbookError struct {
	Known, Server string // ids
	Cut           bool   // Server is accepted, and putting Known aside was cut short
}

func (e *LogbookError) Error() string {
	if e.Cut {
		return fmt.Sprintf("putting logbook %s aside for %s was cut short",
			message.Visible(e.Known), message.Visible(e.Server))
	}
	return fmt.Sprintf("the output directory knows logbook %s, the server shows %s",
		message.Visible(e.Known), message.Visible(e.Server))
}

// logbookID is the id in the origin of a checkpoint.
func logbookID(origin string) string { return strings.TrimPrefix(origin, receipt.Origin("")) }

// sameLogbook holds the server's checkpoint against the logbook that the output
// directory knows: of the one that was accepted, and of the kept checkpoint.
func (c *checkpoints) sameLogbook() error {
	wanted, err := c.out.Logbook()
	if err != nil {
		return err
	}
	known := wanted
	if c.kept != nil {
		known = logbookID(c.kept.Origin)
	}
	switch {
	case known == "":
	case wanted != "" && wanted != known:
		return &LogbookError{Known: known, Server: wanted, Cut: true}
	case c.fetched != nil && logbookID(c.fetched.Origin) != known:
		return &LogbookError{Known: known, Server: logbookID(c.fetched.Origin)}
	case c.fetched == nil && c.kept == nil:
		return &CheckpointError{serverCheckpoint, ErrNoLogbook}
	}
	return nil
}
