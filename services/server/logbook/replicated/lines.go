package replicated

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/local"
)

// AlteredError means that the manifest on this server's volume is not the one that it has
// signed for: lines were altered. The other servers have them as they were.
type AlteredError struct {
	Lines uint64 // that were compared
	Cause error  // a line that is none; nil: all are lines
}

func (e *AlteredError) Error() string {
	text := fmt.Sprintf("the manifest on the log volume is not what its checkpoint of %d messages says: it was altered",
		e.Lines)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *AlteredError) Unwrap() error { return e.Cause }

// checkLines compares the lines that a start has found with what was signed for, beside all
// else: a start itself reads those alone that the index lacks. What another server has as it
// was is not given otherwise here.
func (l *Logbook) checkLines() {
	tree, err := l.cfg.Local.Notary.OpenCheckpoint(l.Checkpoint())
	if err != nil {
		l.cfg.Local.Log.Warn().Err(err).Msg("the lines of the manifest are not compared")
		return
	}
	root, err := l.root(tree.Size)
	var corrupt *local.CorruptError
	switch {
	case l.ctx.Err() != nil || err == nil && root == tlog.Hash(tree.Root):
		return
	case err != nil && !errors.As(err, &corrupt):
		l.cfg.Local.Log.Warn().Err(err).Msg("the lines of the manifest are not compared")
		return
	}
	altered := &AlteredError{Lines: tree.Size, Cause: err}
	l.cfg.Local.Log.Error().Err(altered).Msg("this server gives no receipts: server verify names the line")
	l.health.lines(altered)
}
