package outbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sealpost/shared/bounded"
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
	b, err := openBox(dir)
	if err != nil {
		return "", err
	}
	defer b.close()
	before, err = b.inLogbookLock(func(known string) error {
		if known == id {
			return nil
		}
		return b.writeLogbook(id)
	})
	if errors.Is(err, errLogbookID) { // unreadable: what it said is lost
		return "", b.writeLogbook(id)
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
	known, err := o.box.readLogbook()
	if err == nil && known == "" {
		known, err = o.box.inLogbookLock(func(known string) error {
			if known != "" { // another client was faster
				return nil
			}
			return o.box.writeLogbook(id)
		})
	}
	switch {
	case err != nil:
		return "", storageError{err}
	case known != "" && known != id:
		return "", &LogbookError{Dir: o.Dir, Known: known, Server: id}
	}
	return id, nil
}

// inLogbookLock calls change with the known id, one caller at a time.
func (b *box) inLogbookLock(change func(known string) error) (known string, err error) {
	if err := b.check(); err != nil {
		return "", err
	}
	if err := b.ensure(sendingDir); err != nil {
		return "", err
	}
	lock, err := b.lock(b.sending(), logbookLock, (*durable.Dir).Lock)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if known, err = b.readLogbook(); err != nil {
		return "", err
	}
	return known, change(known)
}

// maxLogbook is more than an id and its end of line take, in bytes.
const maxLogbook = 1 << 10

func (b *box) readLogbook() (string, error) {
	path := b.path(logbookName)
	text, err := b.read(b.root, logbookName, maxLogbook)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, errForeign):
		return "", &DirError{Path: path, Rule: otherOwner}
	case err != nil && !errors.Is(err, bounded.ErrTooLong):
		return "", err
	}
	// One that is too long holds no id.
	id := strings.TrimSuffix(string(text), "\n")
	if _, err := message.ParseID(id); err != nil {
		return "", fmt.Errorf("%s: %w", path, errLogbookID)
	}
	return id, nil
}

func (b *box) writeLogbook(id string) error {
	return b.root.WriteFile(logbookName, []byte(id+"\n"), fileMode, b.heir)
}
