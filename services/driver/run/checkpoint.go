package run

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// ErrCheckpointGone means that the server once showed a checkpoint, and now has
// none: it replaces them and never takes them away.
var ErrCheckpointGone = errors.New("the server had a checkpoint earlier, and has none now")

// CheckpointError says why a checkpoint cannot be gone by.
type CheckpointError struct {
	Where string // for people: the server's, or the kept one
	Cause error
}

func (e *CheckpointError) Error() string {
	return fmt.Sprintf("%s: %v", message.Visible(e.Where), e.Cause)
}

// Unwrap returns the cause.
func (e *CheckpointError) Unwrap() error { return e.Cause }

// How the two checkpoints are called.
const (
	serverCheckpoint = "checkpoint"
	keptCheckpoint   = "kept checkpoint " // and its path
)

// opened is a checkpoint whose signature held.
type opened struct {
	text []byte
	receipt.Checkpoint
}

// checkpoints are the one that the server shows and the one that was kept in an
// earlier run.
type checkpoints struct {
	pins     identity.Pins
	out      *collector.Output // where the kept one lies
	audit    *audit.Audit
	fetched  *opened // nil: there is none, or it cannot be gone by
	kept     *opened
	missing  bool // on the server
	failures []error
}

// take looks at both checkpoints before the manifest is read: text is the
// server's, as [collector.Config] hands it on. The error is one that ends the run
// before anything is collected.
func (c *checkpoints) take(text []byte, err error) error {
	c.readKept()
	switch {
	case err != nil:
		c.fail(serverCheckpoint, err)
	case text != nil:
		c.fetched = c.open(serverCheckpoint, text)
	case c.kept != nil:
		c.fail(serverCheckpoint, ErrCheckpointGone)
	default:
		c.missing = true
	}
	return c.sameLogbook()
}

// origin names the logbook that the server shows, or showed last: "" where neither
// is known.
func (c *checkpoints) origin() string {
	for _, s := range []*opened{c.fetched, c.kept} {
		if s != nil {
			return s.Origin
		}
	}
	return ""
}

func (c *checkpoints) readKept() {
	where := keptCheckpoint + filepath.Join(c.out.Path(), logfile.CheckpointName)
	text, err := c.out.ReadFile(logfile.CheckpointName, receipt.MaxSize)
	switch {
	case err == nil:
		c.kept = c.open(where, text)
	case !errors.Is(err, fs.ErrNotExist):
		c.fail(where, err)
	}
}

// open checks the signature and has the manifest checked against the tree.
func (c *checkpoints) open(where string, text []byte) *opened {
	checkpoint, err := receipt.OpenCheckpoint(text, c.pins)
	if err != nil {
		c.fail(where, err)
		return nil
	}
	c.audit.Expect(audit.Head{Source: where, Checkpoint: checkpoint})
	return &opened{text, checkpoint}
}

func (c *checkpoints) fail(where string, err error) {
	c.failures = append(c.failures, &CheckpointError{Where: where, Cause: err})
}

// keep puts the server's checkpoint in the place of the kept one, if the
// manifest has its tree and it is not an older one. What contradicts the kept
// one is not kept: the evidence stays.
func (c *checkpoints) keep() error {
	switch {
	case len(c.failures) > 0 || c.fetched == nil || !c.audit.Holds(c.fetched.Checkpoint):
		return nil
	case c.kept == nil:
	case !c.audit.Holds(c.kept.Checkpoint) || c.older() || bytes.Equal(c.kept.text, c.fetched.text):
		return nil
	}
	return c.out.WriteFile(logfile.CheckpointName, c.fetched.text)
}

// older reports whether the server shows a checkpoint of a smaller tree than
// the kept one. It may: the manifest grows before it is signed.
func (c *checkpoints) older() bool {
	return c.kept != nil && c.fetched != nil && c.fetched.Size < c.kept.Size
}

// signed is how many lines the server's checkpoint has shown to be its own, 0 where
// anything contradicts it.
func (c *checkpoints) signed() uint64 {
	if c == nil || len(c.failures) > 0 || c.fetched == nil || !c.audit.Holds(c.fetched.Checkpoint) {
		return 0
	}
	return c.fetched.Size
}

// signedBefore is how many lines an earlier run has found to be signed: it kept no
// checkpoint that was not true of the kept manifest.
func (c *checkpoints) signedBefore() uint64 {
	text, err := c.out.ReadFile(logfile.CheckpointName, receipt.MaxSize)
	if err != nil {
		return 0 // take says it
	}
	checkpoint, err := receipt.OpenCheckpoint(text, c.pins)
	if err != nil {
		return 0
	}
	return checkpoint.Size
}

// summary is what the last line says of checkpoints, "" where failures say it.
func (c *checkpoints) summary() string {
	switch {
	case c == nil:
		return "checkpoint not checked: no DRIVER_SERVER_IDENTITY"
	case c.missing:
		return "no checkpoint on the server"
	case c.fetched == nil || !c.audit.Holds(c.fetched.Checkpoint):
		return ""
	case c.older():
		return fmt.Sprintf("checkpoint of %s verified, older than the kept one of %d",
			plural(c.fetched.Size, "line"), c.kept.Size)
	}
	return fmt.Sprintf("checkpoint of %s verified", plural(c.fetched.Size, "line"))
}
