package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// LogbookError means that the server writes to another logbook than the one
// that this outbox's earlier messages are in.
type LogbookError struct{ Dir, Known, Server string }

func (e *LogbookError) Error() string {
	return fmt.Sprintf("the outbox knows logbook %s, the server writes to %s", e.Known, message.Visible(e.Server))
}

var errLogbookID = errors.New("not the id of a logbook")

// AcceptLogbook makes the outbox know the logbook with that id from now on. It
// returns the id known before, "" where there was none.
func AcceptLogbook(dir, id string) (before string, err error) {
	before, err = inLogbookLock(dir, func(known string) error {
		if known == id {
			return nil
		}
		return writeLogbook(dir, id)
	})
	if errors.Is(err, errLogbookID) { // unreadable: what it said is lost
		return "", writeLogbook(dir, id)
	}
	return before, err
}

// checkLogbook compares the server's logbook with the one that the outbox
// knows; an outbox that knows none learns it now.
func (o *run) checkLogbook(ctx context.Context) (id string, err error) {
	if id, err = o.Logbook(ctx); err != nil {
		return "", err
	}
	if _, err := message.ParseID(id); err != nil {
		return "", fmt.Errorf("the server names %q: %w", message.Visible(id), errLogbookID)
	}
	known, err := readLogbook(o.Dir)
	if err == nil && known == "" {
		known, err = inLogbookLock(o.Dir, func(known string) error {
			if known != "" { // another client was faster
				return nil
			}
			return writeLogbook(o.Dir, id)
		})
	}
	switch {
	case err != nil:
		return "", storage{err}
	case known != "" && known != id:
		return "", &LogbookError{Dir: o.Dir, Known: known, Server: id}
	}
	return id, nil
}

// inLogbookLock calls change with the known id, one caller at a time.
func inLogbookLock(dir string, change func(known string) error) (known string, err error) {
	if err := checkPlaces(dir); err != nil {
		return "", err
	}
	by := ownerFor(dir)
	if err := durable.MkdirAll(filepath.Join(dir, sendingDir), dirMode); err != nil {
		return "", err
	}
	if err := by.adopt(filepath.Join(dir, sendingDir)); err != nil {
		return "", err
	}
	if err := by.makeLock(filepath.Join(dir, sendingDir, logbookLock)); err != nil {
		return "", err
	}
	lock, err := durable.Lock(filepath.Join(dir, sendingDir, logbookLock))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if known, err = readLogbook(dir); err != nil {
		return "", err
	}
	return known, change(known)
}

func readLogbook(dir string) (string, error) {
	path := filepath.Join(dir, logbookName)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := strings.TrimSuffix(string(text), "\n")
	if _, err := message.ParseID(id); err != nil {
		return "", fmt.Errorf("%s: %w", path, errLogbookID)
	}
	return id, nil
}

func writeLogbook(dir, id string) error {
	return ownerFor(dir).writeFile(filepath.Join(dir, logbookName), []byte(id+"\n"), fileMode)
}
