package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/copying"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
)

// The volumes in the directory of a copy.
const (
	CopiedData  = "data"
	CopiedState = "state"
)

// Copied is what a copy holds, and CopyProgress how far one is.
type (
	Copied       = copying.Copied
	CopyProgress = copying.Progress
	// CopiedFileError means that a log file is not what its manifest line says.
	CopiedFileError = copying.FileError
	// NotInPlaceError means that a start must put messages in their places first.
	NotInPlaceError = copying.NotInPlaceError
)

// TargetError means that a directory is not one to copy to.
type TargetError struct{ Dir, Reason string }

func (e *TargetError) Error() string { return fmt.Sprintf("%s: %s", e.Dir, e.Reason) }

// UnfinishedError means that a copy was begun and not finished. What there is of it
// opens as no logbook.
type UnfinishedError struct {
	Dir   string
	Cause error
}

func (e *UnfinishedError) Error() string { return fmt.Sprintf("the copy is not finished: %v", e.Cause) }

// Unwrap returns the cause.
func (e *UnfinishedError) Unwrap() error { return e.Cause }

// Copy copies both volumes into the directory to, which must be empty or not there,
// also beside a running server; report hears of log files that are gone. The error is
// a *TargetError, Judge's where the volumes do not fit, or an *UnfinishedError.
//
// What the copied volumes say of each other fits, whatever the server does meanwhile:
// each checkpoint is read before the number up to which the log volume is copied is
// fixed, so that none speaks of a message behind it, and that beside the manifest is
// read before the keys that may have signed it.
func Copy(ctx context.Context, dir string, st *state.State, to string, p *CopyProgress,
	report func(local.Difference)) (Copied, error) {
	if err := Judge(dir, st); err != nil {
		return Copied{}, err
	}
	if fit.Within(dir, to) {
		return Copied{}, &TargetError{to, "it lies in the log volume"}
	}
	if err := makeEmpty(to); err != nil {
		return Copied{}, err
	}
	job := copying.Job{
		From: dir, To: filepath.Join(to, CopiedData), Progress: p,
		Gone: func(n uint64, file string) { report(local.Difference{Seq: n, File: file, Reason: local.Missing}) },
	}
	done, err := copyBoth(ctx, job, st, filepath.Join(to, CopiedState))
	if err != nil {
		return Copied{}, &UnfinishedError{to, err}
	}
	return done, nil
}

func copyBoth(ctx context.Context, job copying.Job, st *state.State, to string) (Copied, error) {
	if err := copying.Begin(job.To); err != nil {
		return Copied{}, err
	}
	var err error
	if job.Checkpoint, err = copying.Checkpoint(job.From); err != nil {
		return Copied{}, err
	}
	if err := st.CopyTo(to); err != nil {
		return Copied{}, err
	}
	// The copy is judged by itself: it is what will be there when it is needed.
	copied, err := state.Open(to)
	if err != nil {
		return Copied{}, err
	}
	defer copied.Close()
	known, err := copied.Checkpoint()
	if err != nil {
		return Copied{}, err
	}
	serial, err := copied.RetiredSerial()
	if err != nil {
		return Copied{}, err
	}
	job.Known = fit.Known{ID: copied.LogbookID(), Checkpoint: known, Serial: serial, Notary: copied}
	return job.Run(ctx)
}

// makeEmpty makes the directory of a copy, for its owner alone.
func makeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return durable.MkdirAll(dir, 0o700)
	case err != nil:
		return err
	case len(entries) > 0:
		return &TargetError{dir, "it is not empty"}
	}
	return nil
}
