package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const (
	// logbookName is the file with the id of the logbook that was accepted, and a line end.
	logbookName = "logbook"
	mostLogbook = 64 // bytes
)

// Causes of an AcceptError.
var (
	// ErrSameLogbook: it is the one that is collected here.
	ErrSameLogbook = errors.New("it is the logbook that is collected here")
	// ErrUnknownLogbook: no checkpoint was kept.
	ErrUnknownLogbook = errors.New("no checkpoint says which logbook was collected here so far")
	// errLogbook: the file or the kept checkpoint holds something else.
	errLogbook = errors.New("it does not hold a logbook id of 32 hex digits")
)

// AcceptError says why a logbook was not accepted.
type AcceptError struct {
	ID    string
	Cause error
}

func (e *AcceptError) Error() string {
	return fmt.Sprintf("logbook %s: %v", message.Visible(e.ID), e.Cause)
}

// Unwrap returns the cause.
func (e *AcceptError) Unwrap() error { return e.Cause }

// Logbook is the id of the logbook that was accepted last, "" where none was.
func (o *Output) Logbook() (string, error) {
	text, err := o.ReadFile(logbookName, mostLogbook)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	id, ended := strings.CutSuffix(string(text), "\n")
	if err == nil && !ended {
		err = errLogbook
	}
	if err == nil {
		_, err = message.ParseID(id)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.path(logbookName), err)
	}
	return id, nil
}

// AcceptLogbook has the next run begin anew with the logbook of that id alone. What is
// kept of the one before, log files, files of those names and the kept checkpoint, lies
// in the directory that it returns then, durably; "" where there is nothing. Nothing is
// replaced. Cut short it leaves the kept checkpoint and another accepted id, or the id
// accepted before, and can be done again.
func (o *Output) AcceptLogbook(id string, also ...string) (former string, err error) {
	if _, err := message.ParseID(id); err != nil {
		return "", &AcceptError{id, err}
	}
	lock, err := o.lock()
	if err != nil {
		return "", err
	}
	defer lock.Close()
	known, kept, err := o.knownLogbook()
	switch {
	case err != nil:
		return "", err
	case known == "":
		return "", &AcceptError{id, ErrUnknownLogbook}
	case known == id && kept:
		return "", &AcceptError{id, ErrSameLogbook}
	case known == id: // all of it is aside already
		return "", nil
	}
	return o.setAside(known, id, kept, append(also, owedName, logfile.RetiredName))
}

// knownLogbook is the id in the kept checkpoint, or else the one that was accepted.
func (o *Output) knownLogbook() (id string, kept bool, err error) {
	text, err := o.ReadFile(logfile.CheckpointName, receipt.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		id, err = o.Logbook()
		return id, false, err
	}
	if err != nil {
		return "", false, err
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	id = strings.TrimPrefix(origin, receipt.Origin(""))
	if _, err := message.ParseID(id); err != nil {
		return "", false, fmt.Errorf("%s: %w", o.path(logfile.CheckpointName), errLogbook)
	}
	return id, true, nil
}

// setAside moves the checkpoint last: while it is here and another id is accepted no run
// collects anything. Without a checkpoint the id is accepted last. The kept manifest goes
// first: without it nothing is handed on, or passed over since its file is not here.
func (o *Output) setAside(known, id string, kept bool, names []string) (string, error) {
	accept := func() error { return o.WriteFile(logbookName, []byte(id+"\n")) }
	if kept {
		if err := accept(); err != nil {
			return "", err
		}
	}
	to, err := o.former(known)
	if err != nil {
		return "", err
	}
	defer to.Close()
	if err := o.moveManifest(to); err != nil {
		return "", err
	}
	if err := o.moveLogs(to); err != nil {
		return "", err
	}
	if err := o.moveAll(to, names...); err != nil {
		return "", err
	}
	if kept {
		return to.Path(), o.moveAll(to, logfile.CheckpointName)
	}
	return to.Path(), accept()
}
